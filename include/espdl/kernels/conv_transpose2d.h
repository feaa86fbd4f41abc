/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shapes and arithmetic of a transposed convolution. */
typedef struct {
    int32_t input_height, input_width, input_channels;       /**< >= 1 */
    int32_t output_height, output_width, output_channels;    /**< >= 1 */
    int32_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
    int32_t pad_top, pad_left;    /**< rows and columns of the full result that are left out in front; < 0: nothing reaches them */
    int32_t output_pitch;                      /**< bytes from one pixel of the output to the next; >= output_channels */
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_conv_transpose2d_params_t;

/**
 * Transposed 2-d convolution (ONNX ConvTranspose, int8, one group); sums fit 32 bits.
 *
 * @param p         shapes and arithmetic
 * @param x         [input_height][input_width][input_channels]
 * @param weights   [output_channels][kernel_height][kernel_width][input_channels]
 * @param channels  one per output channel
 * @param y         [output_height][output_width][output_channels], pixels output_pitch bytes apart; may not overlap `x`
 */
void espdl_conv_transpose2d_s8(const espdl_conv_transpose2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const espdl_channel_t *channels, int8_t *y);

#ifdef __cplusplus
}
#endif
