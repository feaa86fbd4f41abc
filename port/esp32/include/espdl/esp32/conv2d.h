/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/add.h"
#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Shape and arithmetic of a 2-d convolution on the ESP32's MAC16. Sizes are in elements, all positive unless said otherwise.
 *
 * `tile_rows` rows of `tile_columns` outputs each are computed at once: their windows are widened to 16 bits, then the
 * weights of one channel after the other. More than one row only where tile_columns is output_width.
 */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;                 /**< >= 0; bottom and right follow from the output's size */
    int32_t groups;                            /**< 1 */
    int32_t input_pitch, output_pitch;         /**< bytes from one pixel to the next; >= the channels */
    int32_t input_zero_point;                  /**< -128 .. 127; also the value of the border */
    int32_t output_zero_point;                 /**< -128 .. 127 */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;                 /**< TFLITE or HALF_UP */
    int32_t tile_rows, tile_columns;
} espdl_mac16_conv2d_params_t;

/**
 * 2-d convolution of one group, of any kernel, stride, dilation and border (ONNX Conv, int8).
 *
 * With column = kernel_height * input_channels, rounded up to even, and depth = kernel_width * column, rounded up to a
 * multiple of 4:
 *
 * @param p         shape and arithmetic
 * @param x         input, NHWC [input_height][input_width][input_channels], pixels input_pitch bytes apart, at a multiple
 *                  of 4
 * @param weights   bytes [output_channels][depth] at a multiple of 4: -127 .. 127, in the order
 *                  [kernel_width][kernel_height][input_channels], packed as python/espdl/backends/esp32/packing.py does it
 * @param channels  records whose bias takes inputs from 0 .. 255, which are 128 more than those of `x`
 * @param y         output, NHWC [output_height][output_width][output_channels], pixels output_pitch bytes apart; may overlap
 *                  `x` where no tile is written over what a later one reads
 * @param scratch   at a multiple of 4: 2 * depth + 12 + 2 * tile_rows * columns * column bytes, where columns is
 *                  (tile_columns - 1) * stride_width + kernel_width, or tile_columns * kernel_width where that is less or
 *                  dilation_width is not 1
 */
void espdl_mac16_conv2d_s8(const espdl_mac16_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/** A convolution and the sum behind it. */
typedef struct {
    espdl_mac16_conv2d_params_t conv; /**< output_pitch is output_channels */
    espdl_add_params_t add;           /**< a is the convolution's result; `count` is that of a tile */
} espdl_mac16_conv2d_add_params_t;

/**
 * y = conv(x) + residual, with the bytes of espdl_mac16_conv2d_s8() followed by espdl_add_s8() or, where the convolution
 * rounds HALF_UP, espdl_add_shift_s8() (ONNX Conv, Add, int8).
 *
 * @param p         shape and arithmetic
 * @param x         input of the convolution, as espdl_mac16_conv2d_s8() takes it, like `weights` and `channels`
 * @param residual  as `y`, NHWC; may be `y` itself (in place)
 * @param y         NHWC [output_height][output_width][output_channels]; may not overlap `x`
 * @param scratch   p->add.count bytes, rounded up to a multiple of 4, then what espdl_mac16_conv2d_s8() takes; at a multiple
 *                  of 4
 */
void espdl_mac16_conv2d_add_s8(const espdl_mac16_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                               const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
