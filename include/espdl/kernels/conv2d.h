/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a 2-d convolution. Sizes are in elements, all positive unless said otherwise. */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;                 /**< >= 0; bottom and right follow from the output's size */
    int32_t groups;                            /**< divides input and output channels; = input channels: depthwise */
    int32_t input_pitch, output_pitch;         /**< bytes from one pixel to the next; >= the channels */
    int32_t input_zero_point;                  /**< -128 .. 127; also the value of the border */
    int32_t output_zero_point;                 /**< -128 .. 127 */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_conv2d_params_t;

/**
 * 2-d convolution of any group count, stride, dilation and border (ONNX Conv, int8).
 *
 * @param p         shape and arithmetic
 * @param x         input, NHWC [input_height][input_width][input_channels], pixels input_pitch bytes apart
 * @param weights   OHWI [output_channels][kernel_height][kernel_width][input_channels / groups]
 * @param channels  `output_channels` records
 * @param y         output, NHWC [output_height][output_width][output_channels], pixels output_pitch bytes apart; may
 *                  overlap `x` where no pixel is written over one that its own window or a later one reads
 */
void espdl_conv2d_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                     const espdl_channel_t *channels, int8_t *y);

/**
 * 2-d convolution of one group, three pixels times eight channels at a time (ONNX Conv, int8).
 *
 * @param p         shape and arithmetic; groups = 1, rounding TFLITE or HALF_UP
 * @param x         input, NHWC [input_height][input_width][input_channels], pixels input_pitch bytes apart
 * @param weights   [output_channels / 8, rounded up][depth][8]; depth is kernel_height * kernel_width * input_channels.
 *                  Behind them lies how many products may be added up at once (src/kernels/dot_3x8_s8.h)
 * @param channels  records, their number rounded up to a multiple of 8
 * @param y         output, NHWC [output_height][output_width][output_channels], pixels output_pitch bytes apart; may
 *                  overlap `x` where no three pixels in a row (from the first; one or two at the end) are written
 *                  over what a later window reads
 * @param scratch   8 * depth + 4 * kernel_width * input_channels bytes at a multiple of 4
 */
void espdl_conv2d_3x8_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * The same of an input with its channels first.
 *
 * @param p         shape and arithmetic, as espdl_conv2d_3x8_s8() takes them, but for input_pitch: bytes from one plane of
 *                  the input to the next
 * @param x         input, CHW [input_channels][input_height][input_width], planes input_pitch bytes apart
 * @param weights   as espdl_conv2d_3x8_s8() takes them, along depth in the order
 *                  [input_channels][kernel_height][kernel_width]
 * @param channels  records, their number rounded up to a multiple of 8
 * @param y         as espdl_conv2d_3x8_s8() writes it, with the same freedom to overlap `x`
 * @param scratch   8 * depth + 4 * kernel_width bytes at a multiple of 4
 */
void espdl_conv2d_planar_3x8_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
