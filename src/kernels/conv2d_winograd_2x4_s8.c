/*
 * SPDX-License-Identifier: Apache-2.0
 */
enum { WIDTH = 4 };
#include "winograd_inline.h"

/* The inverse of 3 modulo 2^32. */
#define THIRD ((uint32_t)0xAAAAAAAB)

/* Six values of a row as the products want them; points 0, 1, -1, 2, -2, infinity. */
ESPDL_INLINE void transform_row(const int32_t d[6], int16_t *to, int32_t step)
{
    int32_t a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = d[3] - d[1];
    /* Or GCC would compute with 16 bits, each of which it cuts off by itself. */
    ESPDL_KEEP(a);
    ESPDL_KEEP(b);
    ESPDL_KEEP(c);
    ESPDL_KEEP(e);
    *to = (int16_t)(4 * (d[0] - d[2]) + c);
    to += step;
    *to = (int16_t)(a + b);
    to += step;
    *to = (int16_t)(a - b);
    to += step;
    *to = (int16_t)(c + 2 * e);
    to += step;
    *to = (int16_t)(c - 2 * e);
    to += step;
    *to = (int16_t)(d[5] - d[3] - 4 * e);
}

static void transform(const int8_t *const rows[4], int32_t pitch, int32_t channels, int16_t *to, int32_t step)
{
    const int8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    const int32_t back = 1 - 6 * pitch;
    for (const int8_t *end = r0 + channels; r0 != end; to += TILES) {
        int32_t d[4][6];
#if defined(__GNUC__)
#pragma GCC unroll 6
#endif
        for (int32_t i = 0; i < 6; i++) {
            const int32_t d0 = *r0, d1 = *r1, d2 = *r2, d3 = *r3;
            r0 += pitch, r1 += pitch, r2 += pitch, r3 += pitch;
            d[0][i] = d0 - d2;
            d[1][i] = d1 + d2;
            d[2][i] = d2 - d1;
            d[3][i] = d1 - d3;
        }
        r0 += back, r1 += back, r2 += back, r3 += back;
        int16_t *row = to;
#if defined(__GNUC__)
#pragma GCC unroll 4
#endif
        for (int32_t i = 0; i < 4; i++, row += 6 * step) {
            transform_row(d[i], row, step);
        }
    }
}

/* 48 times an output, whose third is exact, to four times it. */
ESPDL_INLINE int32_t four_times(uint32_t sum)
{
    return (int32_t)(sum * THIRD) >> 2;
}

/* Six sums of a row to four outputs: 48 times their value. */
ESPDL_INLINE void finish_row(const uint32_t s[6], espdl_scale_t *scale, const espdl_clamp_t *clamp, int8_t *const to[4],
                             int32_t offset)
{
    const uint32_t one = s[1] + s[2], by_one = s[1] - s[2], two = s[3] + s[4], by_two = s[3] - s[4];
    to[0][offset] = (int8_t)espdl_fast_scale_4(four_times(s[0] + one + two), scale, clamp);
    to[1][offset] = (int8_t)espdl_fast_scale_4(four_times(by_one + 2 * by_two), scale, clamp);
    to[2][offset] = (int8_t)espdl_fast_scale_4(four_times(one + 4 * two), scale, clamp);
    to[3][offset] = (int8_t)espdl_fast_scale_4(four_times(by_one + 8 * by_two + s[5]), scale, clamp);
}

ESPDL_INLINE void finish_channel(const uint32_t *sums, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp,
                                 const outputs_t tiles[TILES], int32_t offset)
{
    espdl_scale_t scale = espdl_scale_of(channel);
    const uint32_t bias = (uint32_t)channel->bias * 48;
    for (int32_t i = 0; i < TILES; i++, sums++) {
        uint32_t above[6], below[6];
#if defined(__GNUC__)
#pragma GCC unroll 6
#endif
        for (int32_t k = 0; k < 6; k++) {
            const uint32_t *s = sums + k * SUMS;
            const uint32_t s0 = s[0], s1 = s[6 * SUMS] + (k == 1 ? bias : 0), s2 = s[12 * SUMS], s3 = s[18 * SUMS];
            above[k] = s0 + s1 + s2;
            below[k] = s1 - s2 - s3;
        }
        finish_row(above, &scale, clamp, tiles[i], offset);
        finish_row(below, &scale, clamp, tiles[i] + 4, offset);
    }
}

void espdl_conv2d_winograd_2x4_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int16_t *weights,
                                  const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    convolve(p, x, weights, channels, y, scratch);
}
