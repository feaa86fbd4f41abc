/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/softmax_s16.h"

/* The output has 15 bits behind the point. */
#define OUTPUT_BITS 15

/* exp(-distance * scale) * 2^30 */
static uint64_t exponential(int32_t distance, const uint32_t *coarse, const uint32_t *fine)
{
    return ((uint64_t)coarse[distance >> 8] * fine[distance & 255]) >> 30;
}

void espdl_softmax_s16(const espdl_softmax_s16_params_t *p, const int16_t *x, const uint32_t *coarse,
                       const uint32_t *fine, int16_t *y)
{
    for (int32_t row = 0; row < p->rows; row++, x += p->length, y += p->length) {
        int32_t max = x[0];
        for (int32_t i = 1; i < p->length; i++) {
            max = x[i] > max ? x[i] : max;
        }
        uint64_t sum = 0;
        for (int32_t i = 0; i < p->length; i++) {
            sum += exponential(max - x[i], coarse, fine);
        }
        for (int32_t i = 0; i < p->length; i++) {
            const uint64_t value = ((exponential(max - x[i], coarse, fine) << OUTPUT_BITS) + sum / 2) / sum;
            y[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value);
        }
    }
}
