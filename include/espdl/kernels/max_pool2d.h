/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Shape of a 2-d max pooling. Sizes are in elements, positive unless said otherwise. */
typedef struct {
    int32_t input_height, input_width, channels;
    int32_t output_height, output_width;
    int32_t kernel_height, kernel_width;
    int32_t stride_height, stride_width;
    int32_t dilation_height, dilation_width;
    int32_t input_pitch, output_pitch;         /**< elements from one pixel to the next; >= channels */
    int32_t pad_top, pad_left;                 /**< >= 0; the border is ignored */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
} espdl_max_pool2d_params_t;

/**
 * Largest value of each window (ONNX MaxPool, int8). A window that lies outside the input gives `activation_min`.
 *
 * @param p  shape
 * @param x  input, NHWC [input_height][input_width][channels], pixels input_pitch apart
 * @param y  output, NHWC [output_height][output_width][channels], pixels output_pitch apart; may overlap `x` where no pixel
 *           is written over one that its own window or a later one reads
 */
void espdl_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif
