/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A convolution row by row, each row added to the residual before the next one is computed.
 */
#pragma once

#include "espdl/kernels/conv2d_add.h"

typedef void (*espdl_add_t)(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

static inline void espdl_conv2d_rows_add(const espdl_conv2d_add_params_t *p, espdl_add_t add, const int8_t *x,
                                         const int8_t *residual, const int8_t *weights,
                                         const espdl_fast_channel_t *channels, int8_t *y, int8_t *scratch)
{
    int8_t *const row = scratch; /* first, so that what the convolution needs behind it may have any size */
    int8_t *const rest = scratch + ((p->add.count + 3) & ~3);
    espdl_conv2d_params_t one = p->conv;
    one.output_height = 1;
    for (int32_t i = 0; i < p->conv.output_height; i++) {
        espdl_conv2d_4x4_s8(&one, x, weights, channels, row, rest);
        add(&p->add, row, residual, y);
        residual += p->add.count;
        y += p->add.count;
        one.pad_top -= one.stride_height;
    }
}
