/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gru_states.h"

void espdl_gru_states_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h,
                          const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                          const int32_t *initial, int16_t *y, void *scratch)
{
    const espdl_gru_parts_t parts = {weights, gates, table};
    espdl_gru_states(p, x, h, &parts, initial, y, scratch, true);
}
