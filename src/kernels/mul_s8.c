/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/mul.h"

#include "broadcast.h"
#include "requantize_inline.h"

static void row(const void *params, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    const espdl_mul_params_t *p = params;
    for (int32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        const int32_t product = (*a - p->a_zero_point) * (*b - p->b_zero_point) * (1 << p->left_shift);
        const int32_t scaled = espdl_requantize(product, p->multiplier, p->shift, p->rounding);
        y[i] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
    }
}

void espdl_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, p, a, b, y);
}
