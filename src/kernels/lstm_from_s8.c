/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lstm_from_s8.h"

#include <string.h>

enum { SUM_BITS = 12 };

/* One step of one unit: its cell state changes, its next state is returned. */
static int32_t unit(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                    const espdl_gate_t *gates, const int16_t *table, const int16_t *h, int32_t *c, int32_t index)
{
    int32_t sums[4];
    for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * p->hidden + index;
        sums[gate] = espdl_input_part(p, x, weights, gates, row) + espdl_state_part(p, h, weights, gates, row);
    }
    const int32_t enter = espdl_interpolated(table, sums[0]), leave = espdl_interpolated(table, sums[1]);
    const int32_t forget = espdl_interpolated(table, sums[2]), update = espdl_interpolated(table + TABLE, sums[3]);
    c[index] = espdl_state_product(forget, c[index]) + espdl_state_product(enter, update);
    return espdl_state_product(leave, espdl_interpolated(table + TABLE, c[index] >> (STATE_BITS - SUM_BITS)));
}

void espdl_lstm_from_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                        const espdl_gate_t *gates, const int16_t *table, int8_t *y, void *states)
{
    int32_t *c = states;
    int16_t *h = (int16_t *)(c + p->hidden), *next = h + p->hidden;
    for (int32_t step = 0; step < p->steps; step++, x += p->inputs, y += p->hidden) {
        for (int32_t i = 0; i < p->hidden; i++) {
            next[i] = (int16_t)unit(p, x, weights, gates, table, h, c, i);
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
