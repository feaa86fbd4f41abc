/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/rescale_s16.h"

#include "wide_inline.h"

void espdl_rescale_u16_s8(const espdl_rescale_params_t *p, const uint16_t *x, int8_t *y)
{
    const int32_t low = p->activation_min - p->output_zero_point, high = p->activation_max - p->output_zero_point;
    if (p->shift >= 32) {
        const int64_t half = (int64_t)1 << (p->shift - 1);
        for (int32_t i = 0; i < p->count; i++) {
            const int32_t scaled = espdl_scale_s16_high(x[i] - p->input_zero_point, p->multiplier, p->shift - 32, half);
            y[i] = (int8_t)((scaled < low ? low : scaled > high ? high : scaled) + p->output_zero_point);
        }
        return;
    }
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t steps = x[i] - p->input_zero_point;
        const int32_t scaled = espdl_scale_s16(steps, p->multiplier, p->shift, low, high);
        y[i] = (int8_t)(scaled + p->output_zero_point);
    }
}
