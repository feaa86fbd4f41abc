/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add.h"

#include "fast_scale.h"

/* Requantisation as fast_scale.h does it, without zero point and clamp. */
typedef struct {
    int32_t multiplier, offset, shift, negative_fix;
} scale_t;

ESPDL_INLINE scale_t scale_of(int32_t multiplier, int32_t shift)
{
    const int32_t half = shift > 0 ? (int32_t)1 << shift : 0;
    const scale_t scale = {multiplier, 1 + half, shift + 1, shift > 0 ? -2 : 0};
    return scale;
}

ESPDL_INLINE int32_t apply(scale_t *scale, int32_t value)
{
    int32_t high = espdl_multiply_high((int32_t)((uint32_t)value << 2), &scale->multiplier);
    if (value < 0) {
        high += scale->negative_fix;
    }
    return (high + scale->offset) >> scale->shift;
}

void espdl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    scale_t a_scale = scale_of(p->a_multiplier, p->a_shift);
    scale_t b_scale = scale_of(p->b_multiplier, p->b_shift);
    scale_t y_scale = scale_of(p->output_multiplier, p->output_shift);
    const int32_t a_zero = p->a_zero_point, b_zero = p->b_zero_point, y_zero = p->output_zero_point;
    const int32_t min = p->activation_min - y_zero, max = p->activation_max - y_zero;
    const int32_t unit = (int32_t)1 << p->left_shift;
    for (const int8_t *end = y + p->count; y != end; y++) {
        int32_t sum = apply(&a_scale, (*a++ - a_zero) * unit) + apply(&b_scale, (*b++ - b_zero) * unit);
        sum = apply(&y_scale, sum);
        sum = sum < min ? min : sum;
        sum = sum > max ? max : sum;
        *y = (int8_t)(sum + y_zero);
    }
}
