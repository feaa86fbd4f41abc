/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d.h"
#include "espdl/kernels/conv2d_s16.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * 2-d convolution with one input and one output channel per group (ONNX Conv, int8), four channels at a time.
 *
 * @param p         shape and arithmetic; input_channels = output_channels = the pitches, of which the first `groups` are
 *                  computed: all, or a multiple of 4, and no byte of the others is written; rounding TFLITE or HALF_UP
 * @param x         input, NHWC [input_height][input_width][input_channels], at a multiple of 4
 * @param weights   bytes [groups / 4, rounded up][kernel_width][kernel_height][4] at a multiple of 4: -127 .. 127, packed as
 *                  python/espdl/backends/esp32/packing.py does it
 * @param channels  `groups` records whose bias takes inputs from 0 .. 255, which are 128 more than those of `x`
 * @param y         output, NHWC [output_height][output_width][output_channels]; may be `x` where no row of it is written
 *                  before all rows of the input that it overwrites were read: those up to the last one of its windows
 * @param scratch   at a multiple of 4: 8 * turns * (taps + 2) + 8 * output_width + 8 * columns * kernel_height + 4 bytes,
 *                  where taps is kernel_height * kernel_width, turns kernel_height, or 1 if dilation_height is not 1, and
 *                  columns as espdl_mac16_conv2d_s8() has them for a whole row
 */
void espdl_mac16_depthwise_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * The same of int16 activations of zero point 0; no sum with its bias leaves 32 bits, and records are those of
 * espdl_mac16_conv2d_s16(). Weights are packed in another order.
 */
void espdl_mac16_depthwise_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                               const espdl_fast_channel_t *channels, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
