/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions of 3x3 windows by Winograd's products, with the bytes of espdl_conv2d_s8(): tiles of 2x2 outputs take 16
 * products in place of 36, tiles of 2x4 take 24 in place of 72.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d.h"
#include "espdl/kernels/conv2d_add.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * 2-d convolution of 3x3 windows, stride 1, one group (ONNX Conv, int8).
 *
 * @param p         shape and arithmetic; kernel 3x3, strides, dilations and groups 1, rounding TFLITE or HALF_UP.
 *                  4 times the largest sum with its bias fits 32 bits
 * @param x         input, NHWC [input_height][input_width][input_channels], pixels input_pitch bytes apart
 * @param weights   transformed (python/espdl/backends/portable/winograd.py), [output_channels / 4, rounded up][16]
 *                  [input_channels][4]; what is added is 0
 * @param channels  records, their number rounded up to a multiple of 4
 * @param y         output, NHWC [output_height][output_width][output_channels], pixels output_pitch bytes apart; may
 *                  overlap `x` where no two rows (from the first) are written over what they or a later one read
 * @param scratch   16 * (8 * input_channels + the larger of 64 and input_channels) + output_channels bytes
 *                  at a multiple of 4
 */
void espdl_conv2d_winograd_2x2_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int16_t *weights,
                                  const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * The same with tiles of 2x4: 24 transformed weights, 48 times the largest sum with its bias fits 32 bits, and
 * 24 in place of 16 in the size of scratch.
 */
void espdl_conv2d_winograd_2x4_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int16_t *weights,
                                  const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * y = conv(x) + residual, with the bytes of espdl_conv2d_winograd_2x2_s8() followed by espdl_add_s8().
 *
 * @param p         shape and arithmetic
 * @param x         input of the convolution, NHWC
 * @param residual  as `y`, NHWC; may be `y` itself (in place)
 * @param weights   as the convolution takes them
 * @param channels  as the convolution takes them
 * @param y         NHWC [output_height][output_width][output_channels]; may not overlap `x`
 * @param scratch   2 * p->add.count bytes, rounded up to a multiple of 4, then what the convolution takes; at a
 *                  multiple of 4
 */
void espdl_conv2d_winograd_2x2_add_s8(const espdl_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                                      const int16_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                                      void *scratch);

/** The same with espdl_add_shift_s8(). */
void espdl_conv2d_winograd_2x2_add_shift_s8(const espdl_conv2d_add_params_t *p, const int8_t *x,
                                            const int8_t *residual, const int16_t *weights,
                                            const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/** espdl_conv2d_winograd_2x4_s8() followed by espdl_add_s8(). */
void espdl_conv2d_winograd_2x4_add_s8(const espdl_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                                      const int16_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                                      void *scratch);

/** The same with espdl_add_shift_s8(). */
void espdl_conv2d_winograd_2x4_add_shift_s8(const espdl_conv2d_add_params_t *p, const int8_t *x,
                                            const int8_t *residual, const int16_t *weights,
                                            const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
