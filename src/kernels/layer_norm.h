/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * How the elements of a row become units of its deviation, from two of its sums.
 */
#pragma once

#include "espdl/kernels/layer_norm.h"
#include "high_product.h"

/** unit = (x * step + start) >> shift; `step` is 256 times an int16. */
typedef struct {
    int32_t step, start, shift;
} espdl_norm_line_t;

/**
 * Of 1 / sqrt(value), 2^30 <= value, 2^32 times as much, 2^16 .. 2^17: a parabola, Newton's method once in 16 bits, and
 * once with what is left of 1 - value * root^2 in 38.
 */
static inline int32_t espdl_inverse_root(uint32_t value)
{
    const int32_t high = (int32_t)(value >> 16);
    int32_t root = 43759 - ((high * (26914 - ((high * 26846) >> 17))) >> 15);
    root += (root * (((1 << 29) - ((root * root) >> 15) * high) >> 14)) >> 16;
    const int32_t rest = (int32_t)(0 - (uint32_t)((root * root) >> 10) * (value >> 12));
    return 4 * root + ((root * (rest >> 15)) >> 22);
}

static inline espdl_norm_line_t espdl_norm_line(const espdl_layer_norm_params_t *p, int32_t sum, int32_t squares)
{
    const int32_t length = p->length << 2 * p->spread_shift, scaled = sum * (1 << p->spread_shift);
    int64_t spread = espdl_wide_product(length, squares) - espdl_wide_product(scaled, scaled) + p->epsilon;
    int32_t shift = p->unit_shift - p->spread_shift;
    for (; spread >> 32 != 0; spread >>= 2) {
        shift++;
    }
    uint32_t value = spread == 0 ? 1 : (uint32_t)spread;
    for (; value < (uint32_t)1 << 30; value <<= 2) {
        shift--;
    }
    const int32_t step = (int32_t)(((uint32_t)p->factor * (uint32_t)espdl_inverse_root(value) + (1 << 16)) >> 17);
    const int32_t mean = espdl_high_product(sum * (1 << p->sum_shift) + 1, p->inverse);
    const int32_t start = ((1 << shift) >> 1) - espdl_high_product(mean * 4, step << 16);
    return (espdl_norm_line_t){step << 8, start, shift};
}
