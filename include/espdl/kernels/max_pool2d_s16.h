/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/max_pool2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Largest value of each window (ONNX MaxPool, int16). A window that lies outside the input gives `activation_min`.
 *
 * @param p  shape; activation_min, activation_max are -32768 .. 32767
 * @param x  input, NHWC [input_height][input_width][channels]
 * @param y  output, NHWC [output_height][output_width][channels]; may not overlap `x`
 */
void espdl_max_pool2d_s16(const espdl_max_pool2d_params_t *p, const int16_t *x, int16_t *y);

#ifdef __cplusplus
}
#endif
