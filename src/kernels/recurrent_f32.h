/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the recurrent kernels in single precision share. Every operation is rounded once, in the order written here.
 */
#pragma once

#include "espdl/kernels/recurrent_f32.h"

#include <string.h>

/** e^x for |x| <= 87: 2^n times a polynomial of what is left. */
static inline float espdl_exp_f32(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: what is added to it is rounded to a whole number */
    const float shifted = x * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float sum = 1.9875691500e-4f;
    sum = sum * r + 1.3981999507e-3f;
    sum = sum * r + 8.3334519073e-3f;
    sum = sum * r + 4.1665795894e-2f;
    sum = sum * r + 1.6666665459e-1f;
    sum = sum * r + 5.0000001201e-1f;
    sum = (sum * r) * r + r;
    uint32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23; /* the last bits of `shifted` are n */
    memcpy(&power, &bits, sizeof power);
    return (sum + 1.0f) * power;
}

static inline float espdl_sigmoid_f32(float x)
{
    const float limited = x < -87.0f ? -87.0f : x > 87.0f ? 87.0f : x;
    return 1.0f / (1.0f + espdl_exp_f32(-limited));
}

static inline float espdl_tanh_f32(float x)
{
    const float limited = x < -20.0f ? -20.0f : x > 20.0f ? 20.0f : x;
    if (limited > -0.625f && limited < 0.625f) {
        const float square = limited * limited;
        float sum = -5.70498872745e-3f;
        sum = sum * square + 2.06390887954e-2f;
        sum = sum * square - 5.37397155531e-2f;
        sum = sum * square + 1.33314422036e-1f;
        sum = sum * square - 3.33332819422e-1f;
        return (sum * square) * limited + limited;
    }
    return 1.0f - 2.0f / (espdl_exp_f32(limited + limited) + 1.0f);
}

/** `start` and the products of `count` values with those of a row of the weights, one after the other. */
static inline float espdl_dot_f32(float start, const float *values, const float *weights, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        start += values[i] * weights[i];
    }
    return start;
}

/** The input's part of row `row` of the weights, with its bias. */
static inline float espdl_input_part_f32(const espdl_recurrent_f32_params_t *p, const float *x, const float *weights,
                                         const float *bias, int32_t row)
{
    return espdl_dot_f32(bias[row], x, weights + row * (p->inputs + p->hidden), p->inputs);
}

/** The state's part of row `row` of `rows`, with its bias. */
static inline float espdl_state_part_f32(const espdl_recurrent_f32_params_t *p, const float *h, const float *weights,
                                         const float *bias, int32_t row, int32_t rows)
{
    return espdl_dot_f32(bias[rows + row], h, weights + row * (p->inputs + p->hidden) + p->inputs, p->hidden);
}

/** Fills the `hidden` values of a state before the first step. */
static inline void espdl_begin_f32(int32_t source, const float *given, const float *initial, int32_t hidden,
                                   float *state)
{
    const size_t size = (size_t)hidden * sizeof *state;
    if (source == ESPDL_STATE_ZERO) {
        memset(state, 0, size);
    } else {
        memcpy(state, source == ESPDL_STATE_TENSOR ? given : initial, size);
    }
}
