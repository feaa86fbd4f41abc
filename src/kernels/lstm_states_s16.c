/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lstm_states.h"

void espdl_lstm_states_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h,
                           const int16_t *c, const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                           const int32_t *initial, const int16_t *peepholes, int16_t *y, int16_t *cells, void *scratch)
{
    const espdl_lstm_parts_t parts = {weights, gates, table, peepholes};
    espdl_lstm_states(p, x, h, c, &parts, initial, y, cells, scratch, true);
}
