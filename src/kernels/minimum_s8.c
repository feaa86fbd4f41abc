/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/minimum.h"

#include "broadcast.h"

static void row(const void *p, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    (void)p;
    for (int32_t i = 0; i < count; i++, a += a_step, b += b_step) {
        y[i] = *a < *b ? *a : *b;
    }
}

void espdl_minimum_s8(const espdl_minimum_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, p, a, b, y);
}
