/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Recurrent layers with states, for tensors of 8 and of 16 bits: every function is compiled once with `wide` false and
 * once with `wide` true. Tensors are bytes here, so that both have one type.
 */
#pragma once

#include "espdl/kernels/recurrent_states.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "recurrent.h"

/** Value `index` of a tensor. */
static inline int32_t espdl_value(const void *tensor, int32_t index, bool wide)
{
    return wide ? ((const int16_t *)tensor)[index] : ((const int8_t *)tensor)[index];
}

/** Stores value + zero_point at `index` of a tensor, saturated. */
static inline void espdl_store(void *tensor, int32_t index, int32_t value, int32_t zero_point, bool wide)
{
    if (wide) {
        ((int16_t *)tensor)[index] = (int16_t)espdl_clamp(value, INT16_MIN, INT16_MAX);
    } else {
        ((int8_t *)tensor)[index] = espdl_to_int8(value, zero_point, INT8_MIN, INT8_MAX);
    }
}

/** The input's part of a gate's sum; `at` is the place of the step in `x`. */
static inline int32_t espdl_wide_input_part(const espdl_recurrent_states_params_t *p, const void *x, int32_t at,
                                            const int8_t *weights, const espdl_gate_t *gates, int32_t row, bool wide)
{
    if (!wide) {
        return espdl_input_part(&p->layer, (const int8_t *)x + at, weights, gates, row);
    }
    const int16_t *step = (const int16_t *)x + at;
    const int8_t *w = weights + row * (p->layer.inputs + p->layer.hidden);
    int32_t sum = 0;
    for (int32_t i = 0; i < p->layer.inputs; i++) {
        sum += step[i] * w[i];
    }
    return espdl_part(sum, gates[row].input_multiplier, gates[row].input_shift) + gates[row].input_bias;
}

/** The state of unit `index` before the first step, as it is kept. */
static inline int32_t espdl_first_state(const espdl_recurrent_states_params_t *p, const void *h, const int32_t *initial,
                                        int32_t index, bool wide)
{
    if (p->h_source == ESPDL_STATE_CONSTANT) {
        return initial[index];
    }
    const int32_t value = espdl_value(h, index, wide) - p->h_zero_point;
    return espdl_clamp(espdl_requantize_tflite(value, p->h_multiplier, p->h_shift), INT16_MIN, INT16_MAX);
}

/** Likewise of the cells, in 1/32768. */
static inline int32_t espdl_first_cell(const espdl_recurrent_states_params_t *p, const void *c, const int32_t *initial,
                                       int32_t index, bool wide)
{
    if (p->c_source == ESPDL_STATE_CONSTANT) {
        return initial[p->batch * p->layer.hidden + index];
    }
    return espdl_part(espdl_value(c, index, wide) - p->c_zero_point, p->c_multiplier, p->c_shift);
}

/** Fills `state` for sequence `sequence`. */
static inline void espdl_begin(const espdl_recurrent_states_params_t *p, const void *h, const int32_t *initial,
                               int32_t sequence, int16_t *state, bool wide)
{
    const int32_t hidden = p->layer.hidden;
    const bool is_zero = p->h_source == ESPDL_STATE_ZERO;
    for (int32_t i = 0; i < hidden; i++) {
        state[i] = (int16_t)(is_zero ? 0 : espdl_first_state(p, h, initial, sequence * hidden + i, wide));
    }
}

/** A state in 1/32768 as it is kept. */
static inline int16_t espdl_kept(const espdl_recurrent_states_params_t *p, int32_t value)
{
    const int32_t half = (1 << p->h_extra_bits) >> 1;
    return (int16_t)espdl_clamp((value + half) >> p->h_extra_bits, INT16_MIN, INT16_MAX);
}

/** Stores a state in 1/32768 as a value of the sequence. */
static inline void espdl_store_state(const espdl_recurrent_states_params_t *p, void *y, int32_t index, int32_t value,
                                     bool wide)
{
    const int32_t scaled = espdl_requantize_tflite(value, p->layer.output_multiplier, p->layer.output_shift);
    espdl_store(y, index, scaled, p->layer.output_zero_point, wide);
}
