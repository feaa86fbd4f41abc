/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * LSTM with states, for tensors of 8 and of 16 bits.
 */
#pragma once

#include "recurrent_states.h"

enum { SUM_BITS = 12 };

/** What of a layer every unit reads. */
typedef struct {
    const int8_t *weights;
    const espdl_gate_t *gates;
    const int16_t *table, *peepholes;
} espdl_lstm_parts_t;

/** What gate `gate` sees of a cell through its peephole, in 1/4096. */
static inline int32_t espdl_peep(const espdl_recurrent_states_params_t *p, const int16_t *peepholes, int32_t gate,
                                 int32_t index, int32_t cell)
{
    const int64_t product = (int64_t)cell * peepholes[gate * p->layer.hidden + index];
    const int64_t part = (product + ((int64_t)1 << (p->peephole_shift - 1))) >> p->peephole_shift;
    return (int32_t)(part < -LARGEST_PART ? -LARGEST_PART : part > LARGEST_PART ? LARGEST_PART : part);
}

/** One step of one unit: its cell changes, its next state in 1/32768 is returned. `at`: the step's place in `x`. */
static inline int32_t espdl_lstm_unit(const espdl_recurrent_states_params_t *p, const espdl_lstm_parts_t *parts,
                                      const void *x, int32_t at, const int16_t *h, int32_t *c, int32_t index, bool wide)
{
    int32_t sums[4];
    for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * p->layer.hidden + index;
        sums[gate] = espdl_wide_input_part(p, x, at, parts->weights, parts->gates, row, wide) +
                     espdl_state_part(&p->layer, h, parts->weights, parts->gates, row);
    }
    if (p->peephole_shift) {
        sums[0] += espdl_peep(p, parts->peepholes, 0, index, c[index]);
        sums[2] += espdl_peep(p, parts->peepholes, 2, index, c[index]);
    }
    const int16_t *tanh_table = parts->table + TABLE;
    const int32_t enter = espdl_interpolated(parts->table, sums[0]), update = espdl_interpolated(tanh_table, sums[3]);
    const int32_t forget = espdl_interpolated(parts->table, sums[2]);
    c[index] = espdl_state_product(forget, c[index]) + espdl_state_product(enter, update);
    if (p->peephole_shift) {
        sums[1] += espdl_peep(p, parts->peepholes, 1, index, c[index]);
    }
    const int32_t leave = espdl_interpolated(parts->table, sums[1]);
    return espdl_state_product(leave, espdl_interpolated(tanh_table, c[index] >> (STATE_BITS - SUM_BITS)));
}

/** The whole layer; arguments as those of espdl_lstm_states_s8. */
static inline void espdl_lstm_states(const espdl_recurrent_states_params_t *p, const void *x, const void *given_h,
                                     const void *given_c, const espdl_lstm_parts_t *parts, const int32_t *initial,
                                     void *y, void *cells, void *scratch, bool wide)
{
    const int32_t hidden = p->layer.hidden;
    int32_t *c = scratch;
    int16_t *h = (int16_t *)(c + hidden), *next = h + hidden;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        const int32_t first = sequence * hidden;
        const bool is_zero = p->c_source == ESPDL_STATE_ZERO;
        espdl_begin(p, given_h, initial, sequence, h, wide);
        for (int32_t i = 0; i < hidden; i++) {
            c[i] = is_zero ? 0 : espdl_first_cell(p, given_c, initial, first + i, wide);
        }
        for (int32_t step = 0; step < p->layer.steps; step++) {
            const int32_t row = step * p->batch + sequence;
            for (int32_t i = 0; i < hidden; i++) {
                const int32_t state = espdl_lstm_unit(p, parts, x, row * p->layer.inputs, h, c, i, wide);
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
