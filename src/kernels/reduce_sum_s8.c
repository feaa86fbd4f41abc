/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/reduce_sum.h"

#include "requantize_inline.h"

void espdl_reduce_sum_s8(const espdl_reduce_sum_params_t *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++, x += p->length * p->inner) {
        for (int32_t k = 0; k < p->inner; k++) {
            int32_t sum = -p->length * p->input_zero_point;
            const int8_t *value = x + k;
            for (int32_t j = 0; j < p->length; j++, value += p->inner) {
                sum += *value;
            }
            const int32_t scaled = espdl_requantize_tflite(sum, p->multiplier, p->shift);
            *y++ = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
        }
    }
}
