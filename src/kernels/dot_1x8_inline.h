/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * One pixel times eight output channels, as far unrolled as its user wants.
 */
#pragma once

#include "dot_3x8_s8.h"
#include "fast_scale.h"
#include "keep.h"

typedef struct {
    int32_t s0, s1, s2, s3, s4, s5, s6, s7;
} espdl_sums_8_t;

ESPDL_INLINE void espdl_add_product(int32_t *sum, int32_t value, int32_t weight)
{
    *sum += value * weight;
    ESPDL_KEEP(*sum);
}

/** Adds `count` values, a constant, times weights [count][8]. */
ESPDL_INLINE void espdl_add_products(espdl_sums_8_t *s, const int8_t *pixel, const int8_t *weights, int32_t count)
{
#if defined(__GNUC__)
#pragma GCC unroll 16
#endif
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = pixel[i];
        espdl_add_product(&s->s0, value, weights[8 * i]);
        espdl_add_product(&s->s1, value, weights[8 * i + 1]);
        espdl_add_product(&s->s2, value, weights[8 * i + 2]);
        espdl_add_product(&s->s3, value, weights[8 * i + 3]);
        espdl_add_product(&s->s4, value, weights[8 * i + 4]);
        espdl_add_product(&s->s5, value, weights[8 * i + 5]);
        espdl_add_product(&s->s6, value, weights[8 * i + 6]);
        espdl_add_product(&s->s7, value, weights[8 * i + 7]);
    }
}

/** Eight sums with bias. */
ESPDL_INLINE void espdl_sum_1x8(const int8_t *pixel, int32_t count, const int8_t *weights,
                                const espdl_fast_channel_t *c, int32_t unroll, int32_t sums[8])
{
    espdl_sums_8_t s = {c[0].bias, c[1].bias, c[2].bias, c[3].bias, c[4].bias, c[5].bias, c[6].bias, c[7].bias};
    const int8_t *end = pixel + count, *whole = pixel + (count & -unroll);
    for (; pixel != whole; pixel += unroll, weights += 8 * unroll) {
        espdl_add_products(&s, pixel, weights, unroll);
    }
    for (; pixel != end; pixel++, weights += 8) {
        espdl_add_products(&s, pixel, weights, 1);
    }
    sums[0] = s.s0, sums[1] = s.s1, sums[2] = s.s2, sums[3] = s.s3;
    sums[4] = s.s4, sums[5] = s.s5, sums[6] = s.s6, sums[7] = s.s7;
}

/** What espdl_dot_1x8_s8() does; `unroll` is a constant power of two up to 16. */
ESPDL_INLINE void espdl_dot_1x8(const espdl_dot_t *p, const int8_t *pixel, const int8_t *weights,
                                const espdl_fast_channel_t *channels, int8_t *y, int32_t unroll)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    for (int32_t left = p->channels; left > 0; left -= 8, weights += 8 * p->depth) {
        int32_t sums[8];
        espdl_sum_1x8(pixel, p->depth, weights, channels, unroll, sums);
        const int32_t *sum = sums;
        const int8_t *const end = y + (left < 8 ? left : 8);
        /* Two at a time only where the products are unrolled too: it costs code. */
        for (; unroll > 2 && end - y > 1; y += 2, sum += 2, channels += 2) {
            espdl_scale_t scale = espdl_scale_of(channels), next = espdl_scale_of(channels + 1);
            y[0] = (int8_t)espdl_fast_scale(sum[0], &scale, &clamp);
            y[1] = (int8_t)espdl_fast_scale(sum[1], &next, &clamp);
        }
        for (; y != end; y++, sum++, channels++) {
            espdl_scale_t scale = espdl_scale_of(channels);
            *y = (int8_t)espdl_fast_scale(*sum, &scale, &clamp);
        }
    }
}
