/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/quantize.h"

/* Nearest integer, ties to even, of |value| <= 255: adding 1.5 * 2^23 leaves no bit for a fraction. */
static int32_t nearest_even(float value)
{
    const float magic = 12582912.0f;
    return (int32_t)((value + magic) - magic);
}

void espdl_quantize_s8(const espdl_quantize_params_t *p, const float *x, int8_t *y)
{
    const float low = (float)(INT8_MIN - p->zero_point);
    const float high = (float)(INT8_MAX - p->zero_point);
    for (int32_t i = 0; i < p->count; i++) {
        float steps = x[i] / p->scale;
        if (steps != steps) {
            steps = 0.0f;
        }
        steps = steps < low ? low : steps;
        steps = steps > high ? high : steps;
        y[i] = (int8_t)(nearest_even(steps) + p->zero_point);
    }
}
