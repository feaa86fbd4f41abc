/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "recurrent_f32.h"

/* What of a layer every unit reads. */
typedef struct {
    const float *weights, *bias;
} parts_t;

static float input_part(const espdl_recurrent_f32_params_t *p, const parts_t *parts, const float *x, int32_t row)
{
    return espdl_input_part_f32(p, x, parts->weights, parts->bias, row);
}

static float state_part(const espdl_recurrent_f32_params_t *p, const parts_t *parts, const float *h, int32_t row)
{
    return espdl_state_part_f32(p, h, parts->weights, parts->bias, row, 3 * p->hidden);
}

static float gate(const espdl_recurrent_f32_params_t *p, const parts_t *parts, const float *x, const float *h,
                  int32_t row)
{
    return espdl_sigmoid_f32(input_part(p, parts, x, row) + state_part(p, parts, h, row));
}

/* One step of one unit: its next state. `reset`: all states times their reset gates. */
static float unit(const espdl_recurrent_f32_params_t *p, const parts_t *parts, const float *x, const float *h,
                  const float *reset, int32_t index)
{
    const int32_t hidden = p->hidden, row = 2 * hidden + index;
    const float update = gate(p, parts, x, h, index);
    float behind = state_part(p, parts, p->reset_first ? reset : h, row);
    if (!p->reset_first) {
        behind = gate(p, parts, x, h, hidden + index) * behind;
    }
    const float fresh = espdl_tanh_f32(input_part(p, parts, x, row) + behind);
    return fresh + update * (h[index] - fresh);
}

void espdl_gru_f32(const espdl_recurrent_f32_params_t *p, const float *x, const float *h, const float *weights,
                   const float *bias, const float *initial, float *y, void *scratch)
{
    const int32_t hidden = p->hidden;
    const parts_t parts = {weights, bias};
    float *state = scratch, *next = state + hidden, *reset = next + hidden;
    for (int32_t sequence = 0; sequence < p->batch; sequence++) {
        espdl_begin_f32(p->h_source, h + sequence * hidden, initial + sequence * hidden, hidden, state);
        for (int32_t step = 0; step < p->steps; step++) {
            const int32_t row = step * p->batch + sequence;
            const float *values = x + row * p->inputs;
            for (int32_t i = 0; p->reset_first && i < hidden; i++) {
                reset[i] = gate(p, &parts, values, state, hidden + i) * state[i];
            }
            for (int32_t i = 0; i < hidden; i++) {
                next[i] = unit(p, &parts, values, state, reset, i);
            }
            memcpy(y + row * hidden, next, (size_t)hidden * sizeof *next);
            float *previous = state;
            state = next;
            next = previous;
        }
    }
}
