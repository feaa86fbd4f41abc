/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a matrix product with constant weights. Sizes are in elements and positive. */
typedef struct {
    int32_t rows;                              /**< vectors in `x`, and in `y` */
    int32_t inputs;                            /**< length of a vector of `x` */
    int32_t outputs;                           /**< length of a vector of `y` */
    int32_t input_zero_point;                  /**< -128 .. 127 */
    int32_t output_zero_point;                 /**< -128 .. 127 */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_gemm_params_t;

/**
 * y = x * transposed(weights) + bias (ONNX Gemm and MatMul with constant weights, int8).
 *
 * @param p         shape and arithmetic
 * @param x         [rows][inputs]
 * @param weights   [outputs][inputs]
 * @param channels  `outputs` records
 * @param y         [rows][outputs]; may not overlap `x`
 */
void espdl_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                   const espdl_channel_t *channels, int8_t *y);

#ifdef __cplusplus
}
#endif
