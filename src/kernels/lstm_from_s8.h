/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* Steps of an LSTM from any state on. */
#pragma once

#include "recurrent.h"

/* As espdl_lstm_s8(), from the states in `states` on: `hidden` cells of 32 bits, then `hidden` states of 16 bits and
 * room for as many. They are those behind the last step afterwards. */
void espdl_lstm_from_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                        const espdl_gate_t *gates, const int16_t *table, int8_t *y, void *states);
