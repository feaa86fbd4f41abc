/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a 2-d convolution of 16-bit activations. Sizes are in elements, positive unless said otherwise. */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;                 /**< >= 0; bottom and right follow from the output's size */
    int32_t groups;                            /**< divides input and output channels; = input channels: depthwise */
    int32_t activation_min, activation_max;    /**< -32768 .. 32767; clamp of the output */
} espdl_conv2d_s16_params_t;

/**
 * 2-d convolution of int16 activations with int8 weights, all of zero point 0 (ONNX Conv, quantised). Sums have 64 bits.
 * y = (acc + bias) * multiplier * 2^-shift, ties towards plus infinity; the product fits 63 bits, 1 <= shift <= 62.
 *
 * @param p         shape and arithmetic
 * @param x         input, NHWC [input_height][input_width][input_channels]
 * @param weights   OHWI [output_channels][kernel_height][kernel_width][input_channels / groups]
 * @param channels  `output_channels` records, their shift as above
 * @param y         output, NHWC [output_height][output_width][output_channels]; may not overlap `x`
 */
void espdl_conv2d_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                      const espdl_channel_t *channels, int16_t *y);

#ifdef __cplusplus
}
#endif
