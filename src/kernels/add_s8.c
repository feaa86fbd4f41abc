/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add.h"

#include "requantize_inline.h"

void espdl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t unit = (int32_t)1 << p->left_shift;
    for (int32_t i = 0; i < p->count; i++) {
        int32_t left = espdl_requantize_tflite((a[i] - p->a_zero_point) * unit, p->a_multiplier, p->a_shift);
        int32_t right = espdl_requantize_tflite((b[i] - p->b_zero_point) * unit, p->b_multiplier, p->b_shift);
        int32_t sum = espdl_requantize_tflite(left + right, p->output_multiplier, p->output_shift);
        y[i] = espdl_to_int8(sum, p->output_zero_point, p->activation_min, p->activation_max);
    }
}
