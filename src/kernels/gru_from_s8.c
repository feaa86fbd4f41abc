/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "gru_from_s8.h"

#include <string.h>

/* One step of one unit: its next state. */
static int32_t unit(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                    const espdl_gate_t *gates, const int16_t *table, const int16_t *h, int32_t index)
{
    int32_t from_input[3], from_state[3];
    for (int32_t gate = 0; gate < 3; gate++) {
        const int32_t row = gate * p->hidden + index;
        from_input[gate] = espdl_input_part(p, x, weights, gates, row);
        from_state[gate] = espdl_state_part(p, h, weights, gates, row);
    }
    const int32_t update = espdl_interpolated(table, from_input[0] + from_state[0]);
    const int32_t reset = espdl_interpolated(table, from_input[1] + from_state[1]);
    const int32_t sum = from_input[2] + espdl_state_product(reset, from_state[2]);
    const int32_t fresh = espdl_interpolated(table + TABLE, sum);
    return fresh + espdl_state_product(update, h[index] - fresh);
}

void espdl_gru_from_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_gate_t *gates, const int16_t *table, int8_t *y, void *states)
{
    int16_t *h = states, *next = h + p->hidden;
    for (int32_t step = 0; step < p->steps; step++, x += p->inputs, y += p->hidden) {
        for (int32_t i = 0; i < p->hidden; i++) {
            next[i] = (int16_t)unit(p, x, weights, gates, table, h, i);
            y[i] = espdl_state_to_int8(p, next[i]);
        }
        int16_t *previous = h;
        h = next;
        next = previous;
    }
    if (p->steps % 2 != 0) {
        memcpy(next, h, (size_t)p->hidden * 2); /* where the next step looks for it */
    }
}
