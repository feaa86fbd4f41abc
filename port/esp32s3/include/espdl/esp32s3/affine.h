/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/esp32s3/narrow.h"
#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESPDL_S3_MOST_AFFINE_PARTS 16

/**
 * How sums become outputs in scheme affine, bit for bit as TensorFlow Lite's multiplier and shift give them; the
 * numbers of the channels are constants, as python/espdl/backends/esp32s3/scales.py finds them.
 */
typedef struct {
    int32_t bits;                    /**< 13 or 14: the lowest bits of a sum, above which it counts in int8 */
    int32_t shift;                   /**< of the last stage */
    int32_t coarse_bits, fine_bits;  /**< 0 .. 14: units of the two numbers of an offset */
    int32_t is_signed;               /**< 1: sums below zero give outputs of their own, and are rounded otherwise */
} espdl_s3_scale_params_t;

/** Shape and arithmetic of a 2-d convolution of scheme affine; see espdl_s3_conv2d_params_t. */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;
    int32_t groups;                            /**< 1, or input channels = output channels: depthwise */
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    espdl_rounding_t rounding;                 /**< ESPDL_ROUND_TFLITE */
    int32_t pixels;                            /**< neighbours that are computed as one; divides output_width */
    /**
     * 1; or 2 .. ESPDL_S3_MOST_AFFINE_PARTS where a sum could leave 20 bits: the most that a group of 16 channels has.
     * Which, stands behind the biases. Only for kernels that say so.
     */
    int32_t parts;
    /** Most taps of a window that lie outside the image, none with such taps on both sides of an axis. */
    int32_t outside_top, outside_bottom, outside_left, outside_right;
    espdl_s3_scale_params_t scale;
    int32_t band, input_pitch;                 /**< planar: as espdl_s3_conv2d_params_t has them; else not used */
} espdl_s3_affine_conv2d_params_t;

/*
 * What conv2d.h says of all kernels holds. `biases`: for 16 channels, for every number of rows outside (none, 1 ..
 * outside_top above, 1 .. outside_bottom below), for every such number of columns; behind them
 * ESPDL_S3_MOST_AFFINE_PARTS bytes for 16 channels: the vectors of each part but the last, then 0. `scratch`: sums of a
 * row of outputs, at most ESPDL_S3_WAITING_WINDOWS of them, of 48 + 16 * (parts - 1) bytes each.
 */

/**
 * Input channels a multiple of 16; `parts`.
 *
 * @param scratch  sums of output_width columns, as above; then, with parts or where dilation_width is not 1,
 *                 20 * (kernel_height * columns + parts - 1) bytes, columns being kernel_width with such a dilation,
 *                 else 1
 */
void espdl_s3_conv2d_aligned_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                       const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/**
 * Any number of input channels; `parts`. `x` may be at any address. `scratch` as above, always with what parts take.
 */
void espdl_s3_conv2d_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                     const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/**
 * Transposed convolution, strides between its outputs and pads as espdl_conv_transpose2d_s8() has them; input channels
 * a multiple of 16, one group, dilations of 1, `pixels` 1; `parts`. Weights and biases as above, one after the other
 * for each remainder of a tap's row, then of its column, by the strides, the vectors of parts behind them all; taps in
 * reverse order. The taps outside are those of windows without strides.
 *
 * @param scratch  sums of output_width / stride_width columns, rounded up, as above; then, with parts,
 *                 20 * (kernel_height / stride_height, rounded up, + parts - 1) bytes
 */
void espdl_s3_conv_transpose2d_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                         const int8_t *weights, const int8_t *biases, const int8_t *scales, int8_t *y,
                                         int8_t *scratch);

/**
 * The same of any number of input channels; `x` may be at any address.
 *
 * @param scratch  as above, always with what parts take
 */
void espdl_s3_conv_transpose2d_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                               const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                               int8_t *y, int8_t *scratch);

/**
 * Bytes of sums, and of outputs, that espdl_s3_conv2d_pointwise_affine_s8() keeps at once where those of a pixel are
 * less.
 */
#define ESPDL_S3_AFFINE_ROOM 448

/**
 * 1 x 1 without border; input channels a multiple of 16; `parts`. With strides of 1 and at most as many outputs as
 * inputs, `y` may be `x`.
 *
 * @param scratch  sums of as many pixels as ESPDL_S3_AFFINE_ROOM holds, 1 to all of the output (of a row with strides
 *                 other than 1); where `y` overlaps `x`, at least sums and output channels, made a multiple of 16, of
 *                 as many of those pixels as that holds of the larger of both, 1 or more
 */
void espdl_s3_conv2d_pointwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                         const int8_t *weights, const int8_t *biases, const int8_t *scales, int8_t *y,
                                         int8_t *scratch);

/** espdl_s3_conv2d_narrow_affine_s8() with the code that its rows take. */
extern void espdl_s3_conv2d_by_rows_affine_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_affine_conv2d_params_t *p,
                                              const int8_t *x, const int8_t *weights, const int8_t *biases,
                                              const int8_t *scales, int8_t *y, int8_t *scratch);

/**
 * Kernel rows of at most 16 bytes: (kernel_width + (pixels - 1) * stride_width) * input_channels <= 16; dilation_width
 * 1; `x` may be at any address.
 *
 * @param scratch  sums of output_width / pixels columns, as above
 */
ESPDL_S3_INLINE void espdl_s3_conv2d_narrow_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                                      const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                                      int8_t *y, int8_t *scratch)
{
    const int32_t bytes = (p->kernel_width + (p->pixels - 1) * p->stride_width) * p->input_channels;
    espdl_s3_conv2d_by_rows_affine_s8(espdl_s3_narrow_rows(bytes), p, x, weights, biases, scales, y, scratch);
}

/**
 * Two of those above for an input with its channels first, as espdl_s3_conv2d_planar_bytes_s8() has it.
 *
 * @param scratch  the copy, as there; behind it, what the kernel takes
 */
void espdl_s3_conv2d_planar_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                            const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                            int8_t *y, int8_t *scratch);
extern void espdl_s3_conv2d_planar_by_rows_affine_s8(espdl_s3_narrow_rows_t *rows,
                                                     const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                                     const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                                     int8_t *y, int8_t *scratch);
ESPDL_S3_INLINE void espdl_s3_conv2d_planar_narrow_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                                             const int8_t *weights, const int8_t *biases,
                                                             const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const int32_t bytes = (p->kernel_width + (p->pixels - 1) * p->stride_width) * p->input_channels;
    espdl_s3_conv2d_planar_by_rows_affine_s8(espdl_s3_narrow_rows(bytes), p, x, weights, biases, scales, y, scratch);
}

/**
 * input channels = output channels, of which the first `groups` are computed: all, or a multiple of 16 of a multiple of
 * 16. No byte of the others is written. `pixels` 2: 8 channels, an even input_width, strides and dilations of 1. With a
 * dilation_height of 1, `y` may be `x` as for espdl_s3_depthwise_s8(). No taps outside: the border lies in `scratch`.
 *
 * @param scratch  sums of windows = output_width / pixels columns, as above, and 16 * columns * kernel_height bytes;
 *                 columns = (windows - 1) * stride_width * pixels + (kernel_width - 1) * dilation_width + 1, with
 *                 `pixels` 2 at least pad_left + input_width
 */
void espdl_s3_depthwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
