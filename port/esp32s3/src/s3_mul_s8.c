/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "../../../src/kernels/broadcast.h"
#include "product.h"

static void row(const void *product, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    multiply_row(product, multiply_vectors, multiply_values, a, a_step, b, b_step, y, count);
}

void espdl_s3_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y)
{
    const product_t product = make_product(p, start);
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, &product, a, b, y);
}
