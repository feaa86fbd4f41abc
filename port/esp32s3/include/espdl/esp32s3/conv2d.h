/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/esp32s3/narrow.h"
#include "espdl/kernels/add.h"
#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESPDL_S3_MOST_PARTS 8

/**
 * Where `y` overlaps `x`, aligned, bytes and narrow kernels compute so many neighbouring windows of a row, all output
 * channels, before they read the windows behind them; all windows of a row where there is one vector of channels. Then
 * `y` may begin in front of `x` and run into it, as long as it covers nothing that is still to be read.
 */
#define ESPDL_S3_SHARED_WINDOWS 8

/** Of a row of windows, as many wait in `scratch` before they become outputs, where one of them takes room there. */
#define ESPDL_S3_WAITING_WINDOWS 48

/**
 * Shape and arithmetic of a 2-d convolution on the vector unit of the ESP32-S3. Sizes are in elements.
 * One power of two requantises all channels: y = clamp((acc + 2^(shift - 1)) >> shift). The packed biases hold the zero
 * points and the half.
 *
 * A border may hold any integer for each input channel (constants say which), as the zero point of the input. Where
 * they are not all 0, windows with taps in it have biases of their own: for every number of rows outside (none, 1 ..
 * outside_top above, 1 .. outside_bottom below), for every such number of columns. Kernels of one group know that;
 * depthwise, the border holds 0.
 */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;                 /**< >= 0; bottom and right follow from the output's size */
    int32_t groups;                            /**< 1, or input channels = output channels: depthwise */
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;                 /**< ESPDL_ROUND_HALF_UP */
    int32_t shift;                             /**< 0 .. 19 */
    int32_t pixels;                            /**< neighbours that are computed as one; divides output_width */
    /**
     * 1; or 2 .. ESPDL_S3_MOST_PARTS where a sum could leave 20 bits, but no part of it: the most that a group of 16
     * channels has. Which, is packed with the biases. Only for kernels that say so.
     */
    int32_t parts;
    int32_t band;                              /**< depthwise, planar: rows of outputs of one copy; else not used */
    int32_t input_pitch;                       /**< planar: bytes from one channel to the next; else not used */
    /**
     * Where the border holds something else than 0, most taps of a window that lie outside the image, none with such
     * taps on both sides of an axis; else 0.
     */
    int32_t outside_top, outside_bottom, outside_left, outside_right;
} espdl_s3_conv2d_params_t;

/*
 * All kernels: NHWC tensors at multiples of 16, `y` does not overlap `x` unless said otherwise
 * (ESPDL_S3_SHARED_WINDOWS), constants as packed by
 * python/espdl/backends/esp32s3/packing.py, `scratch` a multiple of 16. They read `x` from the
 * begin of the block of 16 bytes in which it begins up to the end of the one in which it ends, and write nothing but
 * `y` and `scratch`.
 */

/**
 * Input channels a multiple of 16; `parts`.
 *
 * @param scratch  16 bytes for each column of the output, at most ESPDL_S3_WAITING_WINDOWS, where output_channels is no
 *                 multiple of 16; behind them, with parts or where dilation_width is not 1, 128 + 20 * (kernel_height *
 *                 columns + parts - 1), columns being kernel_width with such a dilation, else 1
 */
void espdl_s3_conv2d_aligned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const int8_t *biases, int8_t *y, int8_t *scratch);

/** A convolution and the sum behind it. */
typedef struct {
    espdl_s3_conv2d_params_t conv; /**< without activation */
    espdl_add_params_t add;        /**< a is the convolution's result; see espdl_s3_add_s8() */
} espdl_s3_conv2d_add_params_t;

/**
 * y = conv(x) + residual: espdl_s3_conv2d_aligned_s8() followed by espdl_s3_add_s8(); input and output channels
 * multiples of 16; `parts`.
 * `residual` has the shape of `y` and may be `y`.
 */
void espdl_s3_conv2d_add_s8(const espdl_s3_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                            const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch);

/**
 * Any number of input channels; `parts`. `x` may be at any address. `scratch` as above, always with what parts take.
 */
void espdl_s3_conv2d_bytes_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch);

/** espdl_s3_conv2d_narrow_s8() with the code that its rows take. */
extern void espdl_s3_conv2d_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_conv2d_params_t *p, const int8_t *x,
                                const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch);

/**
 * Kernel rows of at most 16 bytes: (kernel_width + (pixels - 1) * stride_width) * input_channels <= 16; dilation_width
 * 1. `x` may be at any address.
 * `scratch`: 16 * output_width / pixels bytes, at most 16 * ESPDL_S3_WAITING_WINDOWS, used where output_channels is no
 * multiple of 16.
 */
ESPDL_S3_INLINE void espdl_s3_conv2d_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x,
                                               const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const int32_t bytes = (p->kernel_width + (p->pixels - 1) * p->stride_width) * p->input_channels;
    espdl_s3_conv2d_by_rows_s8(espdl_s3_narrow_rows(bytes), p, x, weights, biases, y, scratch);
}

/**
 * Kernels of 3 or 4 columns of at most 14 bytes: kernel_height * input_channels <= 14; dilation_height 1; output
 * channels a multiple of 16. Turns the image, so that a window is read once for all output channels.
 *
 * @param biases   one for all windows; where taps lie outside, behind them 16 * input_channels bytes: the border's of a
 *                 pixel, 16 times
 * @param scratch  16 * (rows * input_channels * columns / 16 + 3) bytes; rows = (output_height - 1) * stride_height +
 *                 kernel_height, columns = (output_width - 1) * stride_width + (kernel_width - 1) * dilation_width + 1
 */
void espdl_s3_conv2d_turned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const int8_t *biases, int8_t *y, int8_t *scratch);

/**
 * The three above for an input with its channels first, [input_channels][input_height][input_width] at any address,
 * channels input_pitch bytes apart: as many rows as `band` outputs need are copied with their channels last, then the
 * next. No window lies outside the image. `band` rows of outputs are whole vectors, or all there are.
 *
 * @param scratch  the copy, 16 * (rows * input_width * input_channels / 16 + 1) bytes, rows = (min(band, output_height)
 *                 - 1) * stride_height + (kernel_height - 1) * dilation_height + 1, at most input_height; behind it,
 *                 what the kernel takes for an output of so many rows
 */
void espdl_s3_conv2d_planar_bytes_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                     const int8_t *biases, int8_t *y, int8_t *scratch);
void espdl_s3_conv2d_planar_turned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                      const int8_t *biases, int8_t *y, int8_t *scratch);
extern void espdl_s3_conv2d_planar_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_conv2d_params_t *p,
                                              const int8_t *x, const int8_t *weights, const int8_t *biases, int8_t *y,
                                              int8_t *scratch);
ESPDL_S3_INLINE void espdl_s3_conv2d_planar_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x,
                                                      const int8_t *weights, const int8_t *biases, int8_t *y,
                                                      int8_t *scratch)
{
    const int32_t bytes = (p->kernel_width + (p->pixels - 1) * p->stride_width) * p->input_channels;
    espdl_s3_conv2d_planar_by_rows_s8(espdl_s3_narrow_rows(bytes), p, x, weights, biases, y, scratch);
}

/**
 * 1 x 1 without border; input channels 16, 32, 48 or 64, or 8 with an even number of pixels and strides of 1; output
 * channels a multiple of 16. With strides of 1 and at most as many outputs as inputs, `y` may be `x`.
 */
void espdl_s3_conv2d_pointwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y);

/** Any shape, in 40 bits: for sums that 20 bits might not hold. */
void espdl_s3_conv2d_wide_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                             const int8_t *biases, int8_t *y);

/**
 * input channels = output channels, of which the first `groups` are computed: all, or a multiple of 16 of a multiple of
 * 16. No byte of the others is written. Large `band`s copy fewer rows twice. `pixels` 2: 8 channels, an even
 * input_width, strides and dilations of 1. `y` may be `x` where no row of outputs ends behind the rows of the image
 * that both its window and the next one read: as with an output no larger than the input and a border of less than the
 * window.
 *
 * @param scratch  16 * (columns * rows + stride - 1 + output_width) bytes; output_width where output channels * pixels
 *                 are no multiple of 16, else 0;
 *                 rows = (min(band, output_height) - 1) * stride_height + (kernel_height - 1) * dilation_height + 1;
 *                 stride = stride_width * pixels,
 *                 columns = (output_width / pixels - 1) * stride + (kernel_width - 1) * dilation_width + 1,
 *                 with `pixels` 2 at least pad_left + input_width
 */
void espdl_s3_depthwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
