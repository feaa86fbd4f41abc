/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/rnn.h"

#include "recurrent_f32.h"

void espdl_rnn_f32(const espdl_rnn_f32_params_t *p, const float *x, const float *h, const float *weights,
                   const float *bias, const float *initial, float *y, void *scratch)
{
    const espdl_recurrent_f32_params_t *s = &p->states;
    const int32_t hidden = s->hidden;
    float *state = scratch, *next = state + hidden;
    for (int32_t sequence = 0; sequence < s->batch; sequence++) {
        espdl_begin_f32(s->h_source, h + sequence * hidden, initial + sequence * hidden, hidden, state);
        for (int32_t step = 0; step < s->steps; step++) {
            const int32_t row = step * s->batch + sequence;
            const float *values = x + row * s->inputs;
            for (int32_t i = 0; i < hidden; i++) {
                const float sum = espdl_input_part_f32(s, values, weights, bias, i) +
                                  espdl_state_part_f32(s, state, weights, bias, i, hidden);
                next[i] = !p->relu ? espdl_tanh_f32(sum) : sum < 0.0f ? 0.0f : sum;
            }
            memcpy(y + row * hidden, next, (size_t)hidden * sizeof *next);
            float *previous = state;
            state = next;
            next = previous;
        }
    }
}
