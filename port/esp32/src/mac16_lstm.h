/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * LSTM, for tensors of 8 and of 16 bits: src/kernels/lstm_states.h with other sums.
 */
#pragma once

#include "../../../src/kernels/lstm_states.h"
#include "gates.h"

/* One step of one unit: its cell changes, its next state in 1/32768 is returned. */
static inline int32_t run_unit(const layer_t *l, const int16_t *peepholes, const int16_t *h, int32_t *cell, int32_t index)
{
    const int16_t *tanh_table = l->table + TABLE;
    int32_t sums[4];
    for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * l->p->layer.hidden + index;
        sums[gate] = input_part(l, row) + state_part(l, h, row);
    }
    if (l->p->peephole_shift) {
        sums[0] += espdl_peep(l->p, peepholes, 0, index, *cell);
        sums[2] += espdl_peep(l->p, peepholes, 2, index, *cell);
    }
    const int32_t enter = espdl_interpolated(l->table, sums[0]), update = espdl_interpolated(tanh_table, sums[3]);
    const int32_t forget = espdl_interpolated(l->table, sums[2]);
    *cell = espdl_state_product(forget, *cell) + espdl_state_product(enter, update);
    if (l->p->peephole_shift) {
        sums[1] += espdl_peep(l->p, peepholes, 1, index, *cell);
    }
    const int32_t leave = espdl_interpolated(l->table, sums[1]);
    return espdl_state_product(leave, espdl_interpolated(tanh_table, *cell >> (STATE_BITS - SUM_BITS)));
}

/** The whole layer; arguments as those of espdl_mac16_lstm_s8, `parts` some of them. */
static inline void run_lstm(const espdl_recurrent_states_params_t *p, const void *x, const void *given_h,
                            const void *given_c, const espdl_lstm_parts_t *parts, const int32_t *initial, void *y,
                            void *cells, void *scratch, bool wide)
{
    const int32_t hidden = p->layer.hidden;
    const layer_t l = make_layer(p, parts->weights, parts->gates, parts->table, &scratch);
    int16_t *h = take_values(&scratch, l.hidden), *next = take_values(&scratch, l.hidden);
    int32_t *const c = scratch;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        const int32_t first = sequence * hidden;
        espdl_begin(p, given_h, initial, sequence, h, wide);
        for (int32_t i = 0; i < hidden; i++) {
            c[i] = p->c_source == ESPDL_STATE_ZERO ? 0 : espdl_first_cell(p, given_c, initial, first + i, wide);
        }
        for (int32_t step = 0; step < p->layer.steps; step++) {
            const int32_t row = step * p->batch + sequence;
            begin_step(&l, x, row * p->layer.inputs, wide);
            for (int32_t i = 0; i < hidden; i++) {
                const int32_t state = run_unit(&l, parts->peepholes, h, &c[i], i);
                next[i] = espdl_kept(p, state);
                espdl_store_state(p, y, row * hidden + i, state, wide);
            }
            int16_t *previous = h;
            h = next;
            next = previous;
        }
        for (int32_t i = 0; i < hidden; i++) {
            const int32_t scaled = espdl_requantize_tflite(c[i], p->cells_multiplier, p->cells_shift);
            espdl_store(cells, first + i, scaled, p->cells_zero_point, wide);
        }
    }
}
