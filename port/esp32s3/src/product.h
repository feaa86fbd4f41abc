/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The arithmetic of a product of two tensors: (start + a * b) >> shift.
 */
#pragma once

#include "mul_tensors.h"

typedef struct {
    const int8_t *start; /**< half a unit, and the output's zero point, in the lanes of QACC */
    int32_t zero_point;
    finish_t finish;
} product_t;

static inline product_t make_product(const espdl_mul_params_t *p, const int8_t *start)
{
    return (product_t){start, p->output_zero_point, make_finish(p->shift, p->activation_min, p->activation_max)};
}

EE void multiply_vectors(const void *product, const int8_t *a, const int8_t *b, int8_t *y, int32_t count)
{
    const product_t *p = product;
    pie_mul(a, b, y, count / 16, p->start, p->finish.shift, p->finish.negative);
    espdl_s3_clamp_output(&p->finish, y, count);
}

static inline int8_t multiply_values(const void *product, int32_t a, int32_t b)
{
    const product_t *p = product;
    const finish_t *f = &p->finish;
    int32_t value = ((a * b + ((1 << f->shift) >> 1)) >> f->shift) + p->zero_point;
    value = value < f->low ? f->low : value;
    return (int8_t)(value > f->high ? f->high : value);
}
