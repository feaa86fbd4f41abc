/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * GRU with states, for tensors of 8 and of 16 bits.
 */
#pragma once

#include "recurrent_states.h"

/** What of a layer every unit reads. */
typedef struct {
    const int8_t *weights;
    const espdl_gate_t *gates;
    const int16_t *table;
} espdl_gru_parts_t;

/** The next state of a unit, between its state and a fresh one, in 1/32768. */
static inline int32_t espdl_gru_next(const espdl_recurrent_states_params_t *p, int32_t update, int32_t fresh, int32_t h)
{
    return fresh + espdl_state_product(update, h * (1 << p->h_extra_bits) - fresh);
}

/** One gate of one unit. */
static inline int32_t espdl_gru_gate(const espdl_recurrent_states_params_t *p, const espdl_gru_parts_t *parts,
                                     const void *x, int32_t at, const int16_t *h, int32_t row, bool wide)
{
    return espdl_interpolated(parts->table, espdl_wide_input_part(p, x, at, parts->weights, parts->gates, row, wide) +
                                                espdl_state_part(&p->layer, h, parts->weights, parts->gates, row));
}

/** One step of one unit: its next state in 1/32768. `at`: the step's place in `x`. `reset`: all states times their
 *  reset gates, NULL where the gate scales the product. */
static inline int32_t espdl_gru_unit(const espdl_recurrent_states_params_t *p, const espdl_gru_parts_t *parts,
                                     const void *x, int32_t at, const int16_t *h, const int16_t *reset, int32_t index,
                                     bool wide)
{
    const int32_t hidden = p->layer.hidden, row = 2 * hidden + index;
    const int32_t update = espdl_gru_gate(p, parts, x, at, h, index, wide);
    const int32_t ahead = espdl_wide_input_part(p, x, at, parts->weights, parts->gates, row, wide);
    int32_t behind = espdl_state_part(&p->layer, reset ? reset : h, parts->weights, parts->gates, row);
    if (!reset) {
        behind = espdl_state_product(espdl_gru_gate(p, parts, x, at, h, hidden + index, wide), behind);
    }
    return espdl_gru_next(p, update, espdl_interpolated(parts->table + TABLE, ahead + behind), h[index]);
}

/** The whole layer; arguments as those of espdl_gru_states_s8. */
static inline void espdl_gru_states(const espdl_recurrent_states_params_t *p, const void *x, const void *given,
                                    const espdl_gru_parts_t *parts, const int32_t *initial, void *y, void *scratch,
                                    bool wide)
{
    const int32_t hidden = p->layer.hidden;
    int16_t *h = scratch, *next = h + hidden, *reset = p->reset_first ? next + hidden : NULL;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        espdl_begin(p, given, initial, sequence, h, wide);
        for (int32_t step = 0; step < p->layer.steps; step++) {
            const int32_t row = step * p->batch + sequence, at = row * p->layer.inputs;
            for (int32_t i = 0; reset && i < hidden; i++) {
                const int32_t gate = espdl_gru_gate(p, parts, x, at, h, hidden + i, wide);
                reset[i] = (int16_t)espdl_state_product(gate, h[i]);
            }
            for (int32_t i = 0; i < hidden; i++) {
                const int32_t state = espdl_gru_unit(p, parts, x, at, h, reset, i, wide);
                next[i] = espdl_kept(p, state);
                espdl_store_state(p, y, row * hidden + i, state, wide);
            }
            int16_t *previous = h;
            h = next;
            next = previous;
        }
    }
}
