/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How sums become outputs in scheme affine, bit for bit as TensorFlow Lite's multiplier and shift give them; the numbers of the
 * channels are constants, as python/espdl/backends/esp32s3/scales.py finds them.
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
    int32_t pixels;                            /**< neighbours in a row that are computed as one; divides output_width */
    /**
     * Sums in parts, of so many vectors of 16 channels each and the last of what is left; in the order of the weights, whether
     * their taps lie in the image or not. 0: sums are whole.
     */
    int32_t part;
    /** Most taps of a window that lie outside the image, none with such taps on both sides of an axis. */
    int32_t outside_top, outside_bottom, outside_left, outside_right;
    espdl_s3_scale_params_t scale;
} espdl_s3_affine_conv2d_params_t;

/*
 * What conv2d.h says of all kernels holds. `biases`: for 16 channels, for every number of rows outside (none, 1 ..
 * outside_top above, 1 .. outside_bottom below), for every such number of columns. `scratch`: sums of a row of outputs.
 */

/**
 * Input channels a multiple of 16.
 *
 * @param scratch  48 + 16 * (the parts of a sum, less 1) bytes for each of the output's columns; then 16, then 16 for each
 *                 row of the kernel, or tap with a dilation_width other than 1, and for each part of a sum
 */
void espdl_s3_conv2d_aligned_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                       const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/** Any number of input channels. */
void espdl_s3_conv2d_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                     const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/** Sums of 16 channels that espdl_s3_conv2d_pointwise_affine_s8() keeps at once, at least one pixel's. */
#define ESPDL_S3_AFFINE_SUMS 40

/**
 * 1 x 1 without border; input channels a multiple of 16. With strides of 1 and at most as many outputs as inputs, `y` may be `x`.
 *
 * @param scratch  48 + 16 * (the parts of a sum, less 1) bytes for each of ESPDL_S3_AFFINE_SUMS, or of those of a pixel, and
 *                 16 bytes
 */
void espdl_s3_conv2d_pointwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                         const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/**
 * Kernel rows of at most 16 bytes: (kernel_width + (pixels - 1) * stride_width) * input_channels <= 16; dilation_width 1;
 * whole sums.
 *
 * @param scratch  48 bytes for each of output_width / pixels columns
 */
void espdl_s3_conv2d_narrow_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                      const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

/**
 * input channels = output channels, of which the first `groups` are computed: all, or a multiple of 16 of a multiple of 16.
 * No byte of the others is written. `pixels` 2: 8 channels, an even input_width, strides and dilations of 1. Where the
 * input's shape is the output's and dilation_height 1, `y` may be `x`. No taps outside: the border lies in `scratch`.
 *
 * @param scratch  48 * windows + 16 * columns * kernel_height bytes; windows = output_width / pixels,
 *                 columns = (windows - 1) * stride_width * pixels + (kernel_width - 1) * dilation_width + 1, with `pixels` 2
 *                 at least pad_left + input_width
 */
void espdl_s3_depthwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
