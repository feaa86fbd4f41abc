/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/prelu.h"

#include "requantize_inline.h"

static int8_t prelu(const espdl_prelu_params_t *p, int32_t value, int32_t slope)
{
    int32_t scaled;
    if (value >= 0) {
        value *= 1 << p->positive_left_shift;
        scaled = espdl_requantize(value, p->positive_multiplier, p->positive_shift, p->rounding);
    } else {
        value *= slope * (1 << p->negative_left_shift);
        scaled = espdl_requantize(value, p->negative_multiplier, p->negative_shift, p->rounding);
    }
    return espdl_to_int8(scaled, p->output_zero_point, INT8_MIN, INT8_MAX);
}

void espdl_prelu_s8(const espdl_prelu_params_t *p, const int8_t *x, const int8_t *slope, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++) {
        for (int32_t c = 0; c < p->channels; c++) {
            for (int32_t k = 0; k < p->inner; k++) {
                *y++ = prelu(p, *x++ - p->input_zero_point, slope[c]);
            }
        }
    }
}
