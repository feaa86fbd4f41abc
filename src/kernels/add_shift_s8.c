/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add.h"

#include "keep.h"
#include "requantize_inline.h"

void espdl_add_shift_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const int32_t a_unit = (int32_t)1 << p->a_shift, b_unit = (int32_t)1 << p->b_shift;
    const int32_t shift = p->output_shift, y_zero = p->output_zero_point;
    const int32_t min = p->activation_min - y_zero, max = p->activation_max - y_zero;
    const int is_half_up = p->rounding == ESPDL_ROUND_HALF_UP;
    const int32_t half = is_half_up && shift > 0 ? (int32_t)1 << (shift - 1) : 0;
    const int32_t offset = half - p->a_zero_point * a_unit - p->b_zero_point * b_unit; /* from -2^29 to 2^30 + 2^29 */
    for (const int8_t *end = y + p->count; y != end; y++) {
        int32_t sum = *a++ * a_unit + *b++ * b_unit + offset;
        sum = is_half_up ? sum >> shift : espdl_requantize(sum, 0, shift, p->rounding);
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
