/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/gemm.h"

#include "mac16.h"
#include "scale.h"
#include "widen.h"

/*
 * Weights are used once for each row, so that widening them would cost more than it saves. Of each two, v for an even input a
 * and w for the odd input b behind it, the bytes are u = v + 128 and w: 16 bits that are r = 256 * w + u, and of which a mask
 * leaves u. With c = b - 127, which is -255 .. 0, and e = 256 * a - c, which just fits 16 bits,
 *     c * r + e * u = 256 * (b * w + a * v + 128 * a - 127 * w).
 * 127 * w is part of the bias; the sum of 128 * a is the same for all outputs.
 */
enum { ODD_OFFSET = 127, BLOCK = 8 };

/* A row as words: e of two pairs, then c of both. The sum of all a. */
static KEEP_APART int32_t widen_pairs(int16_t *to, const int8_t *x, int32_t inputs)
{
    int32_t sum = 0;
    const int32_t depth = (inputs + BLOCK - 1) & -BLOCK;
    for (int32_t i = 0; i < depth; i += 2) {
        const int32_t a = i < inputs ? x[i] : 0, c = (i + 1 < inputs ? x[i + 1] : 0) - ODD_OFFSET;
        sum += a;
        to[0] = (int16_t)(256 * a - c);
        to[2] = (int16_t)c;
        to += (i & 2) ? 3 : 1;
    }
    return sum;
}

ESPDL_INLINE void run_row(const espdl_gemm_params_t *p, const int16_t *x, int32_t start, const int8_t *weights,
                          const espdl_fast_channel_t *channels, const espdl_clamp_t *clamp, int8_t *y, int32_t relu)
{
    const int32_t depth = (p->inputs + BLOCK - 1) & -BLOCK;
    const int8_t *w = weights - 4;
    for (const espdl_fast_channel_t *end = channels + p->outputs; channels != end; channels++, w += depth) {
        const int16_t *packed = (const int16_t *)(const void *)w;
        channel_scale_t scale = channel_scale(channels);
        const int32_t sum = mac16_dot_pairs(x - 2, packed, depth / BLOCK, WIDEN_MASK);
        const int32_t acc = (int32_t)((uint32_t)sum + (uint32_t)start + (uint32_t)channels->bias);
        *y++ = (int8_t)scale_sum(acc, &scale, clamp, relu);
    }
}

void espdl_mac16_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    for (int32_t row = 0; row < p->rows; row++, x += p->input_pitch, y += p->output_pitch) {
        const int32_t start = -128 * widen_pairs(scratch, x, p->inputs);
        if (clamp.is_relu) {
            run_row(p, scratch, start, weights, channels, &clamp, y, 1);
        } else {
            run_row(p, scratch, start, weights, channels, &clamp, y, 0);
        }
    }
}
