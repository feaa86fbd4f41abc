/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/mul.h"

#include "../../../src/kernels/broadcast.h"
#include "product.h"

static void row(const void *context, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    const product_t *p = context;
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t done = aligned ? count & ~15 : 0;
    multiply_vectors(p, a, b, y, done);
    for (int32_t i = done; i < count; i++) {
        y[i] = multiply_values(p, a[i * a_step], b[i * b_step]);
    }
}

void espdl_s3_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y)
{
    const product_t product = make_product(p, start);
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, &product, a, b, y);
}
