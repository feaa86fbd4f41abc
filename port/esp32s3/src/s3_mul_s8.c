/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/mul.h"

#include "../../../src/kernels/broadcast.h"
#include "finish.h"

typedef struct {
    int32_t start; /**< half a unit, and the output's zero point */
    finish_t finish;
    _Alignas(16) int8_t lanes[BIAS_BYTES];
} product_t;

static void row(const void *context, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                int32_t count)
{
    const product_t *p = context;
    const finish_t *f = &p->finish;
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t done = aligned ? count & ~15 : 0;
    pie_mul(a, b, y, done / 16, p->lanes, f->shift, f->negative);
    clamp_output(f, y, done);
    for (int32_t i = done; i < count; i++) {
        int32_t product = (p->start + a[i * a_step] * b[i * b_step]) >> f->shift;
        product = product < f->low ? f->low : product;
        y[i] = (int8_t)(product > f->high ? f->high : product);
    }
}

void espdl_s3_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    product_t product = {.finish = make_finish(p->shift, p->activation_min, p->activation_max)};
    product.start = p->output_zero_point * (1 << p->shift) + ((1 << p->shift) >> 1);
    fill_lanes(product.lanes, product.start);
    espdl_for_rows(p->shape, p->a_strides, p->b_strides, row, &product, a, b, y);
}
