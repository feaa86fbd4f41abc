/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/add_s16.h"

#include "wide_inline.h"

void espdl_add_s16(const espdl_add_s16_params_t *p, const int16_t *a, const int16_t *b, int16_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int64_t sum = (int64_t)a[i] * p->a_multiplier + (int64_t)b[i] * p->b_multiplier;
        y[i] = espdl_scale_s16(sum, 1, p->shift, p->activation_min, p->activation_max);
    }
}
