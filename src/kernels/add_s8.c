/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add.h"

#include "fast_scale.h"

/* Requantisation as fast_scale.h does it, without zero point and clamp; of four times the value. */
typedef struct {
    int32_t multiplier, offset, shift, negative_fix;
} scale_t;

ESPDL_INLINE scale_t scale_of(int32_t multiplier, int32_t shift)
{
    const int32_t half = shift > 0 ? (int32_t)1 << shift : 0;
    const scale_t scale = {multiplier, 1 + half, shift + 1, shift > 0 ? -2 : 0};
    return scale;
}

ESPDL_INLINE int32_t apply(scale_t *scale, int32_t four_values)
{
    /* Kept here, not in a copy as espdl_multiply_high() does it: its sign is needed behind the product. */
    ESPDL_KEEP(four_values);
    ESPDL_KEEP(scale->multiplier);
    int32_t high = (int32_t)(((int64_t)four_values * scale->multiplier) >> 32);
    if (four_values < 0) {
        high += scale->negative_fix;
    }
    return (high + scale->offset) >> scale->shift;
}

void espdl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    scale_t a_scale = scale_of(p->a_multiplier, p->a_shift);
    scale_t b_scale = scale_of(p->b_multiplier, p->b_shift);
    scale_t y_scale = scale_of(p->output_multiplier, p->output_shift);
    const int32_t y_zero = p->output_zero_point;
    const int32_t min = p->activation_min - y_zero, max = p->activation_max - y_zero;
    const int32_t unit = (int32_t)4 << p->left_shift;
    const int32_t a_zero = p->a_zero_point * unit, b_zero = p->b_zero_point * unit;
    for (const int8_t *end = y + p->count; y != end; y++) {
        int32_t sum = apply(&a_scale, *a++ * unit - a_zero) + apply(&b_scale, *b++ * unit - b_zero);
        sum = apply(&y_scale, (int32_t)((uint32_t)sum << 2));
        if (sum < min) {
            sum = min;
            ESPDL_KEEP(sum);
        }
        if (sum > max) {
            sum = max;
            ESPDL_KEEP(sum);
        }
        *y = (int8_t)(sum + y_zero);
    }
}
