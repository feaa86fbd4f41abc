/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Matrices by the steps from one element to the next, so that any of them may lie transposed. */
typedef struct {
    int32_t batch, rows, inner, columns;    /**< >= 1 */
    int32_t a_strides[3];                   /**< from one matrix, row, column of `a` to the next; 0: `a` is repeated */
    int32_t b_strides[3];                   /**< from one matrix, row, column of `b` to the next */
    int32_t y_strides[3];                   /**< from one matrix, row, column of `y` to the next */
    int32_t a_zero_point, b_zero_point, output_zero_point;
    int32_t multiplier, shift;
    int32_t activation_min, activation_max; /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_matmul_params_t;

/**
 * y = a b for every matrix of a batch (ONNX MatMul of two activations, int8); sums fit 32 bits.
 *
 * @param p  sizes and arithmetic
 * @param a  matrices [rows][inner]
 * @param b  matrices [inner][columns]
 * @param y  matrices [rows][columns]; may not overlap an operand
 */
void espdl_matmul_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
