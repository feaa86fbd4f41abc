/*
 * SPDX-License-Identifier: Apache-2.0
 */
enum { WIDTH = 2 };
#include "winograd_inline.h"

/* Four values of an input's row or column as the products want them. */
ESPDL_INLINE void transform_4(int32_t d[4])
{
    const int32_t d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];
    d[0] = d0 - d2;
    d[1] = d1 + d2;
    d[2] = d2 - d1;
    d[3] = d1 - d3;
}

static void transform(const int8_t *const rows[4], int32_t pitch, int32_t channels, int16_t *to, int32_t step)
{
    const int8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    const int32_t back = 1 - 4 * pitch;
    for (const int8_t *end = r0 + channels; r0 != end; to += TILES) {
        int32_t d[4][4];
#if defined(__GNUC__)
#pragma GCC unroll 4
#endif
        for (int32_t i = 0; i < 4; i++) {
            int32_t column[4] = {*r0, *r1, *r2, *r3};
            r0 += pitch, r1 += pitch, r2 += pitch, r3 += pitch;
            transform_4(column);
            d[0][i] = column[0], d[1][i] = column[1], d[2][i] = column[2], d[3][i] = column[3];
        }
        r0 += back, r1 += back, r2 += back, r3 += back;
        int16_t *position = to;
#if defined(__GNUC__)
#pragma GCC unroll 4
#endif
        for (int32_t i = 0; i < 4; i++) {
            transform_4(d[i]);
#if defined(__GNUC__)
#pragma GCC unroll 4
#endif
            for (int32_t k = 0; k < 4; k++, position += step) {
                *position = (int16_t)d[i][k];
            }
        }
    }
}

/* Eight sums of a tile, two in each column, to two outputs in each: four times their value. */
ESPDL_INLINE void finish_channel(const uint32_t *sums, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp,
                                 const outputs_t tiles[TILES], int32_t offset)
{
    espdl_scale_t scale = espdl_scale_of(channel);
    const uint32_t bias = (uint32_t)channel->bias << 2;
    for (int32_t i = 0; i < TILES; i++, sums++) {
        uint32_t above[4], below[4];
#if defined(__GNUC__)
#pragma GCC unroll 4
#endif
        for (int32_t k = 0; k < 4; k++) {
            const uint32_t *s = sums + k * SUMS;
            const uint32_t s0 = s[0], s1 = s[4 * SUMS] + (k == 1 ? bias : 0), s2 = s[8 * SUMS], s3 = s[12 * SUMS];
            above[k] = s0 + s1 + s2;
            below[k] = s1 - s2 - s3;
        }
        int8_t *const *to = tiles[i];
        to[0][offset] = (int8_t)espdl_fast_scale_4((int32_t)(above[0] + above[1] + above[2]), &scale, clamp);
        to[1][offset] = (int8_t)espdl_fast_scale_4((int32_t)(above[1] - above[2] - above[3]), &scale, clamp);
        to[2][offset] = (int8_t)espdl_fast_scale_4((int32_t)(below[0] + below[1] + below[2]), &scale, clamp);
        to[3][offset] = (int8_t)espdl_fast_scale_4((int32_t)(below[1] - below[2] - below[3]), &scale, clamp);
    }
}

void espdl_conv2d_winograd_2x2_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int16_t *weights,
                                  const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    convolve(p, x, weights, channels, y, scratch);
}
