/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "recurrent_f32.h"

/* One step of one unit: its cell changes, its next state is returned. */
static float unit(const espdl_recurrent_f32_params_t *p, const float *x, const float *weights, const float *bias,
                  const float *peepholes, const float *h, float *c, int32_t index)
{
    const int32_t hidden = p->hidden;
    float sums[4];
    for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * hidden + index;
        sums[gate] = espdl_input_part_f32(p, x, weights, bias, row) +
                     espdl_state_part_f32(p, h, weights, bias, row, 4 * hidden);
    }
    if (p->has_peepholes) {
        sums[0] += c[index] * peepholes[index];
        sums[2] += c[index] * peepholes[2 * hidden + index];
    }
    const float kept = espdl_sigmoid_f32(sums[2]) * c[index];
    c[index] = kept + espdl_sigmoid_f32(sums[0]) * espdl_tanh_f32(sums[3]);
    if (p->has_peepholes) {
        sums[1] += c[index] * peepholes[hidden + index];
    }
    return espdl_sigmoid_f32(sums[1]) * espdl_tanh_f32(c[index]);
}

void espdl_lstm_f32(const espdl_recurrent_f32_params_t *p, const float *x, const float *h, const float *c,
                    const float *weights, const float *bias, const float *initial, const float *peepholes, float *y,
                    float *cells, void *scratch)
{
    const int32_t hidden = p->hidden;
    float *state = scratch, *next = state + hidden, *cell = next + hidden;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        const int32_t first = sequence * hidden;
        espdl_begin_f32(p->h_source, h + first, initial + first, hidden, state);
        espdl_begin_f32(p->c_source, c + first, initial + p->batch * hidden + first, hidden, cell);
        for (int32_t step = 0; step < p->steps; step++) {
            const int32_t row = step * p->batch + sequence;
            for (int32_t i = 0; i < hidden; i++) {
                next[i] = unit(p, x + row * p->inputs, weights, bias, peepholes, state, cell, i);
            }
            memcpy(y + row * hidden, next, (size_t)hidden * sizeof *next);
            float *previous = state;
            state = next;
            next = previous;
        }
        memcpy(cells + first, cell, (size_t)hidden * sizeof *cell);
    }
}
