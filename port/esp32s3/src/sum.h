/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The arithmetic of a sum of two tensors: (start + a * a_factor + b * b_factor) >> shift.
 */
#pragma once

#include "espdl/kernels/add.h"
#include "finish.h"

typedef struct {
    int32_t a_factor, b_factor;
    int32_t start; /**< half a unit, and the zero points */
    finish_t finish;
} sum_t;

static inline sum_t make_sum(const espdl_add_params_t *p)
{
    sum_t s;
    s.a_factor = 1 << p->a_shift;
    s.b_factor = 1 << p->b_shift;
    s.start = (1 << p->output_shift) >> 1;
    s.start += p->output_zero_point * (1 << p->output_shift);
    s.start -= p->a_zero_point * s.a_factor + p->b_zero_point * s.b_factor;
    s.finish = make_finish(p->output_shift, p->activation_min, p->activation_max);
    return s;
}
