/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mac16_lstm.h"

void espdl_mac16_lstm_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h, const int8_t *c,
                         const int8_t *weights, const espdl_gate_t *gates, const int16_t *table, const int32_t *initial,
                         const int16_t *peepholes, int8_t *y, int8_t *cells, void *scratch)
{
    const espdl_lstm_parts_t parts = {weights, gates, table, peepholes};
    run_lstm(p, x, h, c, &parts, initial, y, cells, scratch, false);
}
