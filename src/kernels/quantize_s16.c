/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/quantize_s16.h"

/* Nearest integer, ties to even, of |value| <= 32768: adding 1.5 * 2^23 leaves no bit for a fraction. */
static int32_t nearest_even(float value)
{
    const float magic = 12582912.0f;
    return (int32_t)((value + magic) - magic);
}

void espdl_quantize_s16(const espdl_quantize_s16_params_t *p, const float *x, int16_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        float steps = x[i] / p->scale;
        if (steps != steps) {
            steps = 0.0f;
        }
        steps = steps < (float)INT16_MIN ? (float)INT16_MIN : steps;
        steps = steps > (float)INT16_MAX ? (float)INT16_MAX : steps;
        y[i] = (int16_t)nearest_even(steps);
    }
}
