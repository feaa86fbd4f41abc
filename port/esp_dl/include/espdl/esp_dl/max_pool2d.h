/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/max_pool2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the state of a pooling. */
#define ESPDL_DL_MAX_POOL2D_STATE 128

/**
 * Prepare a pooling, once per instance.
 *
 * @param p      shape; no dilation, no clamp, no window larger than the image or outside of it
 * @param x      input, NHWC [input_height][input_width][channels]
 * @param y      output, NHWC [output_height][output_width][channels]; may not overlap `x`
 * @param state  ESPDL_DL_MAX_POOL2D_STATE bytes at a multiple of 16
 */
void espdl_dl_max_pool2d_s8_prepare(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state);

/** Largest value of each window (ONNX MaxPool, int8) with the arguments it was prepared with. */
void espdl_dl_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
