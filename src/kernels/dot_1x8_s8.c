/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "dot_1x8_s8.h"

#include "fast_scale.h"
#include "keep.h"

ESPDL_INLINE void add_product(int32_t *sum, int32_t value, int32_t weight)
{
    *sum += value * weight;
    ESPDL_KEEP(*sum);
}

/* Two blocks of four channels: weights `a` and `b`, each [depth][4], records `c` and `d`. */
ESPDL_INLINE void sum_blocks(const int8_t *pixel, int32_t count, const int8_t *a, const int8_t *b,
                             const espdl_fast_channel_t *c, const espdl_fast_channel_t *d, int32_t sums[8])
{
    int32_t s0 = c[0].bias, s1 = c[1].bias, s2 = c[2].bias, s3 = c[3].bias;
    int32_t s4 = d[0].bias, s5 = d[1].bias, s6 = d[2].bias, s7 = d[3].bias;
#define ADD(i)                               \
    do {                                     \
        const int32_t value = pixel[i];      \
        add_product(&s0, value, a[4 * (i)]); \
        add_product(&s1, value, a[4 * (i) + 1]); \
        add_product(&s2, value, a[4 * (i) + 2]); \
        add_product(&s3, value, a[4 * (i) + 3]); \
        add_product(&s4, value, b[4 * (i)]); \
        add_product(&s5, value, b[4 * (i) + 1]); \
        add_product(&s6, value, b[4 * (i) + 2]); \
        add_product(&s7, value, b[4 * (i) + 3]); \
    } while (0)
    const int8_t *end = pixel + count, *eights = pixel + (count & ~7);
    for (; pixel != eights; pixel += 8, a += 32, b += 32) {
        ADD(0);
        ADD(1);
        ADD(2);
        ADD(3);
        ADD(4);
        ADD(5);
        ADD(6);
        ADD(7);
    }
    for (; pixel != end; pixel++, a += 4, b += 4) {
        ADD(0);
    }
#undef ADD
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
    sums[4] = s4, sums[5] = s5, sums[6] = s6, sums[7] = s7;
}

void espdl_dot_1x8_s8(const espdl_dot_t *p, const int8_t *pixel, int32_t count, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t block = 4 * p->depth;
    for (int32_t left = p->channels; left > 0; left -= 8, weights += 2 * block) {
        int32_t sums[8];
        /* Where there is no second block the first is taken twice. */
        const int32_t second = left > 4;
        sum_blocks(pixel, count, weights, weights + second * block, channels, channels + 4 * second, sums);
        const int32_t *sum = sums;
        for (const int8_t *end = y + (left < 8 ? left : 8); y != end; y++, sum++, channels++) {
            espdl_scale_t scale = espdl_scale_of(channels);
            *y = (int8_t)espdl_fast_scale(*sum, &scale, &clamp);
        }
    }
}
