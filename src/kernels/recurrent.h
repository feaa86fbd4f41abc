/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the recurrent kernels share.
 */
#pragma once

#include "espdl/kernels/recurrent.h"

#include "requantize_inline.h"

/* Sums of two parts, and of a part and a product, stay in 32 bits: bias and product of each are at most 65536. */
enum { STATE_BITS = 15, STEP_BITS = 7, TABLE = 513, LARGEST_PART = 1 << 28 };

/** A sum of products in 1/4096, saturated at +-65536. */
static inline int32_t espdl_part(int32_t sum, int32_t multiplier, int32_t shift)
{
    return espdl_clamp(espdl_requantize_tflite(sum, multiplier, shift), -LARGEST_PART, LARGEST_PART);
}

/** What row `row` of the weights makes of the input, in 1/4096, with its bias. */
static inline int32_t espdl_input_part(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                                       const espdl_gate_t *gates, int32_t row)
{
    const int8_t *w = weights + row * (p->inputs + p->hidden);
    int32_t sum = 0;
    for (int32_t i = 0; i < p->inputs; i++) {
        sum += (x[i] - p->input_zero_point) * w[i];
    }
    return espdl_part(sum, gates[row].input_multiplier, gates[row].input_shift) + gates[row].input_bias;
}

/** What row `row` of the weights makes of the state, in 1/4096, with its bias. */
static inline int32_t espdl_state_part(const espdl_recurrent_params_t *p, const int16_t *h, const int8_t *weights,
                                       const espdl_gate_t *gates, int32_t row)
{
    const int8_t *w = weights + row * (p->inputs + p->hidden) + p->inputs;
    int32_t sum = 0;
    for (int32_t i = 0; i < p->hidden; i++) {
        sum += h[i] * w[i];
    }
    return espdl_part(sum, gates[row].state_multiplier, gates[row].state_shift) + gates[row].state_bias;
}

/** A function of a sum in 1/4096, by its table. */
static inline int32_t espdl_interpolated(const int16_t *table, int32_t value)
{
    const int32_t place = espdl_clamp(value, INT16_MIN, INT16_MAX) - INT16_MIN;
    const int32_t index = place >> STEP_BITS, part = place & ((1 << STEP_BITS) - 1);
    const int32_t rise = table[index + 1] - table[index];
    return table[index] + ((rise * part + (1 << (STEP_BITS - 1))) >> STEP_BITS);
}

/** a * b, `a` in 1/32768. */
static inline int32_t espdl_state_product(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1 << (STATE_BITS - 1))) >> STATE_BITS);
}

/** A state as a value of the output. */
static inline int8_t espdl_state_to_int8(const espdl_recurrent_params_t *p, int32_t h)
{
    const int32_t scaled = espdl_requantize_tflite(h, p->output_multiplier, p->output_shift);
    return espdl_to_int8(scaled, p->output_zero_point, INT8_MIN, INT8_MAX);
}
