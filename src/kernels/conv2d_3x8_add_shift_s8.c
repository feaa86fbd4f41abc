/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_add_inline.h"

static void convolve(const espdl_conv2d_params_t *p, const int8_t *x, const void *weights,
                     const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    espdl_conv2d_3x8_s8(p, x, weights, channels, y, scratch);
}

void espdl_conv2d_3x8_add_shift_s8(const espdl_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                                   const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                                   void *scratch)
{
    espdl_conv2d_rows_add(p, 1, convolve, espdl_add_shift_s8, x, residual, weights, channels, y, scratch);
}
