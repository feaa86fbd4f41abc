/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d.h"

/** A convolution at work: its input, its scratch, and the window that comes next. */
typedef struct {
    const espdl_conv2d_params_t *p;
    const int8_t *x;
    int32_t planes, channels; /**< channels of each plane */
    int32_t pitch;            /**< bytes from one pixel of a plane to the next */
    int32_t line, plane;      /**< bytes of a row of the input, and of a plane */
    int32_t run;              /**< values in one row of a window in one plane */
    int32_t pieces;           /**< 1: they lie one behind the other in memory; else kernel_width */
    int32_t last_inside;      /**< the last column of windows inside the input; may be negative */
    int32_t last_inside_row;  /**< the last row of windows inside the input */
    int32_t end_column;       /**< behind the last window of a row */
    uint32_t *packed;         /**< three windows as espdl_dot_3x8_s8() reads them, or one as espdl_dot_1x8_s8() does */
    int8_t *border;           /**< a row of a window that lies outside the input */
    int8_t *gathered;         /**< rows of three windows that lie partly outside, or whose taps are no neighbours */
    int32_t row, column;      /**< of the next window's first tap; negative in the border */
} espdl_convolve_t;

/**
 * Packs the next three windows as dot_3x8_s8.h reads them if they lie side by side in one row of the output, and goes
 * on to the one behind them; returns 0, and does nothing, where a simpler way is not worth its code.
 */
typedef int (*espdl_pack_windows_t)(espdl_convolve_t *work);

/** To the window behind that at `column`. */
static inline void espdl_convolve_step(espdl_convolve_t *work, int32_t column)
{
    work->column = column;
    work->column += work->p->stride_width;
    if (work->column == work->end_column) {
        work->column = -work->p->pad_left;
        work->row += work->p->stride_height;
    }
}

/**
 * 2-d convolution of one group, three pixels times eight channels at a time, of an input in planes.
 *
 * @param p         shape and arithmetic, as espdl_conv2d_3x8_s8() takes them
 * @param planes    1: NHWC; input_channels: NCHW, planes p->input_pitch bytes apart
 * @param pitch     bytes from one pixel of a plane to the next
 * @param pack      takes what it can of the windows, the others are put together one by one
 * @param x         input, [planes][input_height][input_width][input_channels / planes]
 * @param weights   [output_channels / 8, rounded up][depth][8], along depth in the order
 *                  [planes][kernel_height][kernel_width][input_channels / planes]; and behind them what
 *                  espdl_dot_3x8_s8() takes there
 * @param channels  as espdl_conv2d_3x8_s8() takes them
 * @param y         as espdl_conv2d_3x8_s8() takes it
 * @param scratch   8 * depth + 4 * kernel_width * input_channels / planes bytes at a multiple of 4
 */
void espdl_convolve_3x8_s8(const espdl_conv2d_params_t *p, int32_t planes, int32_t pitch, espdl_pack_windows_t pack,
                           const int8_t *x, const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                           void *scratch);
