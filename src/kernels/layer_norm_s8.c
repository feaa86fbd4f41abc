/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/layer_norm.h"

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

static void normalize(const espdl_layer_norm_params_t *p, const int8_t *x, const int32_t *gamma, const int32_t *beta,
                      int8_t *y)
{
    int32_t sum = 0, squares = 0;
    for (int32_t i = 0; i < p->length; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    const int64_t spread = (int64_t)p->length * squares - (int64_t)sum * sum + p->epsilon;
    int64_t factor;
    int32_t halves;
    inverse_root(spread > 0 ? (uint64_t)spread : 1, &factor, &halves);
    const int32_t shift = 63 - FRACTION - halves;
    const int32_t last = p->gamma_bits + FRACTION;
    for (int32_t i = 0; i < p->length; i++) {
        const int64_t unit = ((int64_t)(p->length * x[i] - sum) * factor) >> shift;
        const int64_t offset = beta[i] * ((int64_t)1 << (last - BETA_FRACTION));
        const int64_t scaled = (unit * gamma[i] + offset + ((int64_t)1 << (last - 1))) >> last;
        const int64_t low = INT8_MIN - p->output_zero_point, high = INT8_MAX - p->output_zero_point;
        y[i] = (int8_t)((scaled < low ? low : scaled > high ? high : scaled) + p->output_zero_point);
    }
}

void espdl_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int32_t *gamma, const int32_t *beta,
                         int8_t *y)
{
    for (int32_t i = 0; i < p->rows; i++) {
        normalize(p, x + i * p->length, gamma, beta, y + i * p->length);
    }
}
