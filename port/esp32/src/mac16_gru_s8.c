/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "mac16_gru.h"

void espdl_mac16_gru_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h, const int8_t *weights,
                        const espdl_gate_t *gates, const int16_t *table, const int32_t *initial, int8_t *y, void *scratch)
{
    const espdl_gru_parts_t parts = {weights, gates, table};
    run_gru(p, x, h, &parts, initial, y, scratch, false);
}
