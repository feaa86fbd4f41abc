/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/sum.h"

#include "broadcast.h"
#include "requantize_inline.h"

/* An operand at the common scale; `value` is its distance from the zero point, signed. */
static inline int32_t scale(const espdl_sum_params_t *p, int32_t value, int32_t multiplier, int32_t shift)
{
    if (p->rounding == ESPDL_ROUND_TFLITE) {
        return espdl_requantize_tflite(value * (1 << p->left_shift), multiplier, shift);
    }
    return value * (1 << shift);
}

static void row(const void *params, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    const espdl_sum_params_t *p = params;
    for (int32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        const int32_t left = scale(p, (*a - p->a_zero_point) * p->a_sign, p->a_multiplier, p->a_shift);
        const int32_t right = scale(p, (*b - p->b_zero_point) * p->b_sign, p->b_multiplier, p->b_shift);
        const int32_t scaled = espdl_requantize(left + right, p->output_multiplier, p->output_shift, p->rounding);
        y[i] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
    }
}

void espdl_sum_s8(const espdl_sum_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, p, a, b, y);
}
