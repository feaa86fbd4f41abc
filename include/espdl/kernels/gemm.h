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
    int32_t input_pitch, output_pitch;         /**< bytes from one vector to the next; >= its length */
    int32_t input_zero_point;                  /**< -128 .. 127 */
    int32_t output_zero_point;                 /**< -128 .. 127 */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_gemm_params_t;

/**
 * y = x * transposed(weights) + bias (ONNX Gemm and MatMul with constant weights, int8).
 *
 * @param p         shape and arithmetic
 * @param x         [rows][inputs], vectors input_pitch bytes apart
 * @param weights   [outputs][inputs]
 * @param channels  `outputs` records
 * @param y         [rows][outputs], vectors output_pitch bytes apart; may not overlap `x`
 */
void espdl_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                   const espdl_channel_t *channels, int8_t *y);

/**
 * The same for many rows, three rows times eight outputs at a time. A convolution of 1x1 pixels is this product.
 *
 * @param p         shape and arithmetic; rounding TFLITE or HALF_UP
 * @param x         [rows][inputs], vectors input_pitch bytes apart
 * @param weights   [outputs / 8, rounded up][depth][8]; depth is `inputs`.
 *                  Behind them lies how many products may be added up at once (src/kernels/dot_3x8_s8.h)
 * @param channels  records, their number rounded up to a multiple of 8
 * @param y         [rows][outputs], vectors output_pitch bytes apart; where neither pitch is more than the length, it
 *                  may begin where `x` begins (in place); no other overlap
 * @param scratch   8 * depth bytes at a multiple of 8
 */
void espdl_gemm_3x8_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * The same for few rows, eight outputs at a time.
 *
 * @param p         shape and arithmetic; rounding TFLITE or HALF_UP
 * @param x         [rows][inputs], vectors input_pitch bytes apart
 * @param weights   [outputs / 8, rounded up][depth][8]; depth is `inputs`
 * @param channels  records, their number rounded up to a multiple of 8
 * @param y         [rows][outputs], vectors output_pitch bytes apart; may not overlap `x`
 */
void espdl_gemm_1x8_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y);

#ifdef __cplusplus
}
#endif
