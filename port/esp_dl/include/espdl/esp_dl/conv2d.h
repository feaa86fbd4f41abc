/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolution by the kernels of the component espressif/esp-dl (ESP32-S3, ESP32-P4).
 *
 * Elsewhere the same functions are portable C that reads the same constants and gives the same bytes.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the state of a convolution, and of a matrix product. */
#define ESPDL_DL_CONV2D_STATE 256

/**
 * Prepare a convolution, once per instance. On the chip it uses the heap and leaves nothing there.
 *
 * @param p       shape and arithmetic; groups = 1, or input_channels = output_channels (depthwise); activation_max = 127,
 *                activation_min = -128 or 0; rounding HALF_UP on ESP32-S3, HALF_EVEN on ESP32-P4. Zero points are in the bias
 * @param x       input, NHWC [input_height][input_width][input_channels], at a multiple of 16 (else slower)
 * @param filter  [output_channels / 16][kernel_height][kernel_width][input_channels / groups][16], then of the channels left
 *                over [channel][kernel_height][kernel_width][input_channels], or depthwise
 *                [kernel_height][kernel_width][channel]; and 32 bytes more
 * @param bias    HALF_EVEN: int32, rounded up to a multiple of 16. HALF_UP: for each 8 channels 20 bits each, lowest first, and
 *                12 bytes of nothing; an even number of eights; channels left over (if not depthwise) have int64 each
 * @param shifts  right shift of each channel, 0 .. 24, rounded up to a multiple of 16; HALF_UP: 0 .. 19, all equal
 * @param y       output, NHWC [output_height][output_width][output_channels]; may not overlap `x`
 * @param state   ESPDL_DL_CONV2D_STATE bytes at a multiple of 16
 */
void espdl_dl_conv2d_s8_prepare(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                                const int8_t *shifts, int8_t *y, void *state);

/** 2-d convolution (ONNX Conv, int8) with the arguments it was prepared with. No sum may leave a lane: 20 or 32 bits. */
void espdl_dl_conv2d_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                        const int8_t *shifts, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
