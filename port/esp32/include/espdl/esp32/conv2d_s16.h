/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** As espdl_mac16_conv2d_params_t, of 16-bit activations without zero points. */
typedef struct {
    int32_t input_height, input_width, input_channels;
    int32_t output_height, output_width, output_channels;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t pad_top, pad_left;                 /**< >= 0; bottom and right follow from the output's size */
    int32_t groups;                            /**< 1 */
    int32_t activation_min, activation_max;    /**< -32768 .. 32767; clamp of the output */
    int32_t tile_rows, tile_columns;
} espdl_mac16_conv2d_s16_params_t;

/**
 * 2-d convolution of int16 activations with int8 weights, all of zero point 0 and of one group (ONNX Conv, quantised).
 * No sum with its bias leaves 32 bits: y = ((high 32 bits of (acc + bias) * multiplier) + offset) >> shift.
 *
 * @param p         shape and arithmetic
 * @param x         input, NHWC [input_height][input_width][input_channels]
 * @param weights   as espdl_mac16_conv2d_s8() takes them, in the order that it calls their own
 * @param channels  records, offset 2^(shift - 1)
 * @param y         output, NHWC [output_height][output_width][output_channels]; may overlap `x` as it may there
 * @param scratch   as espdl_mac16_conv2d_s8() takes it
 */
void espdl_mac16_conv2d_s16(const espdl_mac16_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
