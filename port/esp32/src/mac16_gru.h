/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * GRU, for tensors of 8 and of 16 bits: src/kernels/gru_states.h with other sums.
 */
#pragma once

#include "../../../src/kernels/gru_states.h"
#include "gates.h"

static inline int32_t run_gate(const layer_t *l, const int16_t *h, int32_t row)
{
    return espdl_interpolated(l->table, input_part(l, row) + state_part(l, h, row));
}

/* One step of one unit: its next state in 1/32768. `reset`: all states times their reset gates, NULL where the gate scales the
 * product. */
static inline int32_t run_unit(const layer_t *l, const int16_t *h, const int16_t *reset, int32_t index)
{
    const int32_t hidden = l->p->layer.hidden, row = 2 * hidden + index;
    const int32_t update = run_gate(l, h, index);
    const int32_t ahead = input_part(l, row);
    int32_t behind = state_part(l, reset ? reset : h, row);
    if (!reset) {
        behind = espdl_state_product(run_gate(l, h, hidden + index), behind);
    }
    return espdl_gru_next(l->p, update, espdl_interpolated(l->table + TABLE, ahead + behind), h[index]);
}

/** The whole layer; arguments as those of espdl_mac16_gru_s8, `parts` some of them. */
static inline void run_gru(const espdl_recurrent_states_params_t *p, const void *x, const void *given,
                           const espdl_gru_parts_t *parts, const int32_t *initial, void *y, void *scratch, bool wide)
{
    const int32_t hidden = p->layer.hidden;
    const layer_t l = make_layer(p, parts->weights, parts->gates, parts->table, &scratch);
    int16_t *h = take_values(&scratch, l.hidden), *next = take_values(&scratch, l.hidden);
    int16_t *const reset = p->reset_first ? take_values(&scratch, l.hidden) : NULL;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        espdl_begin(p, given, initial, sequence, h, wide);
        for (int32_t step = 0; step < p->layer.steps; step++) {
            const int32_t row = step * p->batch + sequence;
            begin_step(&l, x, row * p->layer.inputs, wide);
            for (int32_t i = 0; reset && i < hidden; i++) {
                reset[i] = (int16_t)espdl_state_product(run_gate(&l, h, hidden + i), h[i]);
            }
            for (int32_t i = 0; i < hidden; i++) {
                const int32_t state = run_unit(&l, h, reset, i);
                next[i] = espdl_kept(p, state);
                espdl_store_state(p, y, row * hidden + i, state, wide);
            }
            int16_t *previous = h;
            h = next;
            next = previous;
        }
    }
}
