/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The arithmetic of a product of two tensors: (start + a * b) >> shift.
 */
#pragma once

#include "espdl/esp32s3/mul.h"
#include "finish.h"

typedef struct {
    const int8_t *start; /**< half a unit, and the output's zero point, in the lanes of QACC */
    int32_t zero_point;
    finish_t finish;
} product_t;

static inline product_t make_product(const espdl_mul_params_t *p, const int8_t *start)
{
    return (product_t){start, p->output_zero_point, make_finish(p->shift, p->activation_min, p->activation_max)};
}

/** `count` products, a multiple of 16, as all addresses are. */
EE void multiply_vectors(const product_t *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t count)
{
    pie_mul(a, b, y, count / 16, p->start, p->finish.shift, p->finish.negative);
    espdl_s3_clamp_output(&p->finish, y, count);
}

static inline int8_t multiply_values(const product_t *p, int32_t a, int32_t b)
{
    const finish_t *f = &p->finish;
    int32_t product = ((a * b + ((1 << f->shift) >> 1)) >> f->shift) + p->zero_point;
    product = product < f->low ? f->low : product;
    return (int8_t)(product > f->high ? f->high : product);
}
