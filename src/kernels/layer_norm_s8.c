/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/layer_norm.h"

#include "high_product.h"
#include "requantize_inline.h"

enum { FRACTION = 16, BETA_FRACTION = 8 };

/* The largest r with r * r <= value. */
static uint32_t square_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

/* 1 / sqrt(value) as *factor * 2^-(63 - *halves), value >= 1. */
static void inverse_root(uint64_t value, int64_t *factor, int32_t *halves)
{
    int32_t shift = 0;
    while (value < (uint64_t)1 << 62) {
        value <<= 2;
        shift++;
    }
    *factor = (int64_t)(((uint64_t)1 << 63) / square_root(value));
    *halves = shift;
}

/* 1 / sqrt(V + epsilon) of a row, and what is left of its mean. */
typedef struct {
    int32_t sum;
    int32_t factor;      /* less 2^32 */
    int32_t left, right; /* shifts before and after the product with 2^-32 * (2^32 + factor), one of them 0 */
} spread_t;

static spread_t measure(const espdl_layer_norm_params_t *p, const int8_t *x)
{
    int32_t sum = 0, squares = 0;
    for (int32_t i = 0; i < p->length; i++) {
        const int32_t value = x[i];
        sum += value;
        squares += value * value;
    }
    const int64_t spread = (int64_t)p->length * squares - (int64_t)sum * sum + p->epsilon;
    int64_t factor;
    int32_t halves;
    inverse_root(spread > 0 ? (uint64_t)spread : 1, &factor, &halves);
    const int32_t beyond = 63 - FRACTION - halves - 32;
    return (spread_t){sum, (int32_t)(uint32_t)factor, beyond < 0 ? -beyond : 0, beyond > 0 ? beyond : 0};
}

/* (unit * gamma * 2^-(gamma_bits + FRACTION) + beta * 2^-BETA_FRACTION) rounded, where it fits 32 bits on the way. */
static inline int32_t scale_high(int32_t unit, int32_t gamma, int32_t beta, int32_t beyond)
{
    const int32_t fine = espdl_high_product(unit, gamma) >> beyond;
    return (fine + beta + (1 << (BETA_FRACTION - 1))) >> BETA_FRACTION;
}

/* The same for any gamma, clamped to 32 bits. */
static int32_t scale_wide(int32_t unit, int32_t gamma, int32_t beta, int32_t shift)
{
    const int64_t fine = ((int64_t)unit * gamma) >> shift;
    const int64_t scaled = (fine + beta + (1 << (BETA_FRACTION - 1))) >> BETA_FRACTION;
    return (int32_t)(scaled < -(1 << 30) ? -(1 << 30) : scaled > 1 << 30 ? 1 << 30 : scaled);
}

static void normalize(const espdl_layer_norm_params_t *p, const int8_t *x, const int32_t *gamma, const int32_t *beta,
                      int8_t *y)
{
    const spread_t s = measure(p, x);
    const int32_t shift = p->gamma_bits + FRACTION - BETA_FRACTION;
    const int32_t low = INT8_MIN - p->output_zero_point, high = INT8_MAX - p->output_zero_point;
    for (int32_t i = 0; i < p->length; i++) {
        const int32_t distance = (p->length * x[i] - s.sum) * (1 << s.left);
        const int32_t unit = (distance + espdl_high_product(distance, s.factor)) >> s.right;
        const int32_t scaled = shift >= 32 ? scale_high(unit, gamma[i], beta[i], shift - 32)
                                           : scale_wide(unit, gamma[i], beta[i], shift);
        y[i] = (int8_t)(espdl_clamp(scaled, low, high) + p->output_zero_point);
    }
}

void espdl_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int32_t *gamma, const int32_t *beta,
                         int8_t *y)
{
    for (int32_t i = 0; i < p->rows; i++) {
        normalize(p, x + i * p->length, gamma, beta, y + i * p->length);
    }
}
