/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Simple recurrent layers for tensors of 8 and of 16 bits.
 */
#pragma once

#include "espdl/kernels/rnn.h"

#include "recurrent_states.h"

/** What of a layer every unit reads. */
typedef struct {
    const int8_t *weights;
    const espdl_gate_t *gates;
    const int16_t *table;
} espdl_rnn_parts_t;

/** One step of one unit: its next state. `at`: the step's place in `x`. */
static inline int32_t espdl_rnn_unit(const espdl_rnn_params_t *p, const espdl_rnn_parts_t *parts, const void *x,
                                     int32_t at, const int16_t *h, int32_t index, bool wide)
{
    const espdl_recurrent_states_params_t *s = &p->states;
    const int32_t sum = espdl_wide_input_part(s, x, at, parts->weights, parts->gates, index, wide) +
                        espdl_state_part(&s->layer, h, parts->weights, parts->gates, index);
    return p->relu ? espdl_clamp(sum, 0, INT16_MAX) : espdl_interpolated(parts->table + TABLE, sum);
}

/** The whole layer; arguments as those of espdl_rnn_s8. */
static inline void espdl_rnn(const espdl_rnn_params_t *p, const void *x, const void *given,
                             const espdl_rnn_parts_t *parts, const int32_t *initial, void *y, void *scratch, bool wide)
{
    const espdl_recurrent_states_params_t *s = &p->states;
    const int32_t hidden = s->layer.hidden;
    int16_t *h = scratch, *next = h + hidden;
    for (int32_t sequence = 0; sequence < s->batch; sequence++) {
        espdl_begin(s, given, initial, sequence, h, wide);
        for (int32_t step = 0; step < s->layer.steps; step++) {
            const int32_t row = step * s->batch + sequence;
            for (int32_t i = 0; i < hidden; i++) {
                const int32_t state = espdl_rnn_unit(p, parts, x, row * s->layer.inputs, h, i, wide);
                next[i] = espdl_kept(s, state);
                espdl_store_state(s, y, row * hidden + i, state, wide);
            }
            int16_t *previous = h;
            h = next;
            next = previous;
        }
    }
}
