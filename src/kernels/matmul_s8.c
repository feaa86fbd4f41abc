/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/matmul.h"

#include "requantize_inline.h"

static int32_t dot(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b)
{
    const int32_t a_step = p->a_strides[2], b_step = p->b_strides[1];
    int32_t sum = 0;
    for (int32_t k = 0; k < p->inner; k++, a += a_step, b += b_step) {
        sum += (*a - p->a_zero_point) * (*b - p->b_zero_point);
    }
    return sum;
}

void espdl_matmul_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < p->batch; i++) {
        const int8_t *left = a + i * p->a_strides[0], *right = b + i * p->b_strides[0];
        for (int32_t r = 0; r < p->rows; r++) {
            for (int32_t c = 0; c < p->columns; c++) {
                const int32_t sum = dot(p, left + r * p->a_strides[1], right + c * p->b_strides[2]);
                const int32_t scaled = espdl_requantize(sum, p->multiplier, p->shift, p->rounding);
                y[i * p->y_strides[0] + r * p->y_strides[1] + c * p->y_strides[2]] =
                    espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
            }
        }
    }
}
