/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/esp_dl/conv2d.h"
#include "espdl/kernels/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Prepare a matrix product, once per instance: a convolution of one row of 1x1 pixels.
 *
 * @param p                     shape and arithmetic, limits as in conv2d.h
 * @param x                     [rows][inputs]
 * @param filter, bias, shifts  as in conv2d.h
 * @param y                     [rows][outputs]; may not overlap `x`
 * @param state                 ESPDL_DL_CONV2D_STATE bytes at a multiple of 16
 */
void espdl_dl_gemm_s8_prepare(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                              const int8_t *shifts, int8_t *y, void *state);

/** y = x * transposed(weights) + bias (ONNX Gemm and MatMul, int8) with the arguments it was prepared with. */
void espdl_dl_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                      const int8_t *shifts, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
