/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include "fast_scale.h"
#include "keep.h"

/* Eight outputs of one vector; `sums` without bias. `weights`: [inputs][8]. */
ESPDL_INLINE void sum_block(const int8_t *x, const int8_t *end, const int8_t *weights, int32_t *sums)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
#define ADD(sum, k, n)                    \
    sum += value * weights[8 * (k) + (n)]; \
    ESPDL_KEEP(sum)
#define ADD_ALL(k)             \
    do {                       \
        int32_t value = x[k];  \
        ADD(s0, k, 0);         \
        ADD(s1, k, 1);         \
        ADD(s2, k, 2);         \
        ADD(s3, k, 3);         \
        ADD(s4, k, 4);         \
        ADD(s5, k, 5);         \
        ADD(s6, k, 6);         \
        ADD(s7, k, 7);         \
    } while (0)
    for (; end - x >= 4; x += 4, weights += 32) {
        ADD_ALL(0);
        ADD_ALL(1);
        ADD_ALL(2);
        ADD_ALL(3);
    }
    for (; x != end; x++, weights += 8) {
        ADD_ALL(0);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
    sums[4] = s4, sums[5] = s5, sums[6] = s6, sums[7] = s7;
}

void espdl_gemm_1x8_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    for (int32_t row = 0; row < p->rows; row++, x += p->inputs) {
        const espdl_fast_channel_t *channel = channels;
        const int8_t *w = weights;
        for (int32_t left = p->outputs; left > 0; left -= 8, w += 8 * p->inputs) {
            int32_t sums[8];
            sum_block(x, x + p->inputs, w, sums);
            const int32_t count = left < 8 ? left : 8;
            for (int32_t i = 0; i < count; i++, channel++) {
                *y++ = (int8_t)espdl_fast_scale(sums[i] + channel->bias, channel->multiplier, channel->offset, channel->shift,
                                        &clamp);
            }
        }
    }
}
