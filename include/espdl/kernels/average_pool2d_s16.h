/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a 2-d average pooling of int16. Sizes are in elements, positive unless said otherwise. */
typedef struct {
    int32_t input_height, input_width, channels;
    int32_t output_height, output_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t input_pitch, output_pitch;         /**< elements from one pixel to the next; >= channels */
    int32_t pad_top, pad_left, pad_bottom, pad_right;    /**< >= 0 */
    int32_t count_include_pad;                 /**< 1: taps on the border count; 0: they do not */
    int32_t uniform;                           /**< 1: every window has the same count, and the tables one entry */
    int32_t activation_min, activation_max;    /**< -32768 .. 32767; clamp of the output */
} espdl_average_pool2d_s16_params_t;

/**
 * Mean of each window (ONNX AveragePool, GlobalAveragePool and ReduceMean over the pixels), int16 of zero point 0, ties
 * towards plus infinity. A window holds fewer than 65,536 values.
 *
 * @param p           shape and arithmetic
 * @param x           input, NHWC [input_height][input_width][channels], pixels input_pitch apart
 * @param multiplier  by count - 1: mantissa of input scale / (output scale * count); one entry if `uniform`
 * @param shift       by count - 1: its right shift, 1 .. 62; one entry if `uniform`
 * @param y           output, NHWC [output_height][output_width][channels], pixels output_pitch apart; may not overlap `x`
 */
void espdl_average_pool2d_s16(const espdl_average_pool2d_s16_params_t *p, const int16_t *x, const int32_t *multiplier,
                              const int32_t *shift, int16_t *y);

#ifdef __cplusplus
}
#endif
