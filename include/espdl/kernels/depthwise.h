/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Depthwise convolution of any kernel, stride, dilation and border (ONNX Conv with one channel per group, int8).
 *
 * @param p         shape and arithmetic; groups = input_channels = output_channels; rounding TFLITE or HALF_UP
 * @param x         input, NHWC [input_height][input_width][input_channels], pixels input_pitch bytes apart
 * @param weights   four channels at a time [channels / 4][kernel_height * kernel_width][4], then the remaining channels
 *                  one at a time [kernel_height * kernel_width]
 * @param channels  one record per channel
 * @param y         output, NHWC [output_height][output_width][output_channels], pixels output_pitch bytes apart; may
 *                  overlap `x` where no pixel is written over one that its own window or a later one reads
 */
void espdl_depthwise_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                        const espdl_fast_channel_t *channels, int8_t *y);

/**
 * Depthwise convolution of 3x3 taps, stride 1, border 1 left and right, the output as wide as the input.
 *
 * @param p         shape and arithmetic; equal pitches; rounding TFLITE or HALF_UP; pad_top 0 or 1, below likewise: the
 *                  rows of an image, or some of them; input_channels all of its channels, or some of them
 * @param x         input, NHWC
 * @param weights   [input_channels][3][3]
 * @param channels  one record per channel
 * @param y         output, NHWC; may begin at the middle row of the first windows (which is `x` itself where pad_top is 1),
 *                  or whole pixels in front of that; no other overlap. No byte of another channel is read or written
 * @param scratch   max(output_height, input_width) bytes
 */
void espdl_depthwise_3x3_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * Depthwise convolution of 3x3 taps, stride 2, border 0 or 1 above and left, any below and right.
 *
 * @param p         shape and arithmetic; equal pitches; rounding TFLITE or HALF_UP
 * @param x         input, NHWC
 * @param weights   [input_channels][3][3]
 * @param channels  one record per channel
 * @param y         output, NHWC; may begin where `x` begins (in place), no other overlap. No byte of another channel is
 *                  read or written
 */
void espdl_depthwise_3x3_stride2_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                    const espdl_fast_channel_t *channels, int8_t *y);

#ifdef __cplusplus
}
#endif
