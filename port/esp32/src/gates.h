/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the recurrent kernels share: the sums of a row of the weights, of an input and a state in 16 bits.
 */
#pragma once

#include "espdl/esp32/recurrent.h"

#include "../../../src/kernels/keep.h"
#include "../../../src/kernels/recurrent_states.h"
#include "mac16.h"
#include "widen.h"

/** A layer in one of its steps. `wide`: tensors of 16 bits. */
typedef struct {
    const espdl_recurrent_states_params_t *p;
    const int8_t *weights;
    const espdl_gate_t *gates;
    const int16_t *table;
    int16_t *x;               /**< the step's input */
    int32_t inputs, hidden;   /**< rounded up to multiples of 4 */
} layer_t;

/** Room for a state; the next of these begins behind its last word, which is read. */
static inline int16_t *take_values(void **scratch, int32_t count)
{
    int16_t *values = *scratch;
    *scratch = values + count + 2;
    return values;
}

static inline layer_t make_layer(const espdl_recurrent_states_params_t *p, const int8_t *weights, const espdl_gate_t *gates,
                                 const int16_t *table, void **scratch)
{
    layer_t l = {p, weights, gates, table, NULL, (p->layer.inputs + 3) & ~3, (p->layer.hidden + 3) & ~3};
    l.x = take_values(scratch, l.inputs);
    return l;
}

/** Begins a step, whose input is at `at`. */
static KEEP_APART void begin_step(const layer_t *l, const void *x, int32_t at, bool wide)
{
    const espdl_recurrent_params_t *p = &l->p->layer;
    for (int32_t i = 0; i < p->inputs; i++) {
        l->x[i] = (int16_t)(wide ? ((const int16_t *)x)[at + i] : ((const int8_t *)x)[at + i] - p->input_zero_point);
    }
}

/** What row `row` makes of the input, in 1/4096, with its bias. */
static KEEP_APART int32_t input_part(const layer_t *l, int32_t row)
{
    const int8_t *w = l->weights + row * (l->inputs + l->hidden);
    const espdl_gate_t *g = &l->gates[row];
    const int32_t sum = mac16_dot_bytes(l->x - 2, w - 4, l->inputs / 4, UPPER_BYTES);
    return espdl_part(sum, g->input_multiplier, g->input_shift) + g->input_bias;
}

/** What it makes of a state. */
static KEEP_APART int32_t state_part(const layer_t *l, const int16_t *h, int32_t row)
{
    const int8_t *w = l->weights + row * (l->inputs + l->hidden) + l->inputs;
    const espdl_gate_t *g = &l->gates[row];
    const int32_t sum = mac16_dot_bytes(h - 2, w - 4, l->hidden / 4, UPPER_BYTES);
    return espdl_part(sum, g->state_multiplier, g->state_shift) + g->state_bias;
}
