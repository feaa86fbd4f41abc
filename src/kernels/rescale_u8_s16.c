/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/rescale_s16.h"

#include "wide_inline.h"

void espdl_rescale_u8_s16(const espdl_rescale_params_t *p, const uint8_t *x, int16_t *y)
{
    const int32_t low = p->activation_min - p->output_zero_point, high = p->activation_max - p->output_zero_point;
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t steps = x[i] - p->input_zero_point;
        const int32_t scaled = espdl_scale_s16(steps, p->multiplier, p->shift, low, high);
        y[i] = (int16_t)(scaled + p->output_zero_point);
    }
}
