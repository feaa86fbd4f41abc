/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A convolution some rows at a time, which are added to the residual before the next ones are computed.
 */
#pragma once

#include "espdl/kernels/conv2d_add.h"

#include "keep.h"

typedef void (*espdl_convolve_rows_t)(const espdl_conv2d_params_t *p, const int8_t *x, const void *weights,
                                      const espdl_fast_channel_t *channels, int8_t *y, void *scratch);
typedef void (*espdl_add_t)(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

/* `at_once` rows, or as many as are left. */
ESPDL_INLINE void espdl_conv2d_rows_add(const espdl_conv2d_add_params_t *p, int32_t at_once,
                                        espdl_convolve_rows_t convolve, espdl_add_t add, const int8_t *x,
                                        const int8_t *residual, const void *weights,
                                        const espdl_fast_channel_t *channels, int8_t *y, int8_t *scratch)
{
    int8_t *const rows = scratch; /* first, so that what the convolution needs behind it may have any size */
    int8_t *const rest = scratch + ((at_once * p->add.count + 3) & ~3);
    espdl_conv2d_params_t some = p->conv;
    for (int32_t left = p->conv.output_height; left > 0; left -= at_once) {
        some.output_height = left < at_once ? left : at_once;
        convolve(&some, x, weights, channels, rows, rest);
        const int8_t *row = rows;
        for (int32_t i = some.output_height; i > 0; i--) {
            add(&p->add, row, residual, y);
            row += p->add.count;
            residual += p->add.count;
            y += p->add.count;
        }
        some.pad_top -= at_once * some.stride_height;
    }
}
