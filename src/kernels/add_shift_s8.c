/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add.h"

#include "requantize_inline.h"

void espdl_add_shift_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t a_unit = (int32_t)1 << p->a_shift;
    const int32_t b_unit = (int32_t)1 << p->b_shift;
    for (int32_t i = 0; i < p->count; i++) {
        int32_t sum = (a[i] - p->a_zero_point) * a_unit + (b[i] - p->b_zero_point) * b_unit;
        sum = espdl_requantize(sum, 0, p->output_shift, p->rounding);
        y[i] = espdl_to_int8(sum, p->output_zero_point, p->activation_min, p->activation_max);
    }
}
