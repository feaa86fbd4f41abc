/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/recurrent_states.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Recurrent layers on the ESP32's MAC16, with the bytes of the kernels of include/espdl/kernels/recurrent_states.h and their
 * arguments, but for
 *
 * @param weights  bytes [rows][inputs, then hidden], each of both rounded up to a multiple of 4 with zeros, at a multiple of 4,
 *                 then 4 that are read; of each four weights 0, 2, 1, 3
 * @param scratch  at a multiple of 4. With sizes rounded up to a multiple of 4: 2 * inputs + 4 bytes; for each of the states
 *                 before and after a step, and with reset_first for what is reset, 2 * hidden + 4; LSTM: 4 * hidden
 */

void espdl_mac16_lstm_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h, const int8_t *c,
                         const int8_t *weights, const espdl_gate_t *gates, const int16_t *table, const int32_t *initial,
                         const int16_t *peepholes, int8_t *y, int8_t *cells, void *scratch);

void espdl_mac16_lstm_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h, const int16_t *c,
                          const int8_t *weights, const espdl_gate_t *gates, const int16_t *table, const int32_t *initial,
                          const int16_t *peepholes, int16_t *y, int16_t *cells, void *scratch);

void espdl_mac16_gru_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h, const int8_t *weights,
                        const espdl_gate_t *gates, const int16_t *table, const int32_t *initial, int8_t *y, void *scratch);

void espdl_mac16_gru_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h,
                         const int8_t *weights, const espdl_gate_t *gates, const int16_t *table, const int32_t *initial,
                         int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
