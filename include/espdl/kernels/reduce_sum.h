/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor seen as [outer][length][inner], and how the sum over `length` is scaled. */
typedef struct {
    int32_t outer, length, inner;    /**< >= 1; length < 2^23 */
    int32_t input_zero_point, output_zero_point;
    int32_t multiplier, shift;       /**< of the sum, ESPDL_ROUND_TFLITE; a mean has its divisor in them */
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
} espdl_reduce_sum_params_t;

/**
 * y = sum or mean of x along one axis (ONNX ReduceSum, ReduceMean, int8).
 *
 * @param p  sizes and arithmetic
 * @param x  [outer][length][inner]
 * @param y  [outer][inner]; may not overlap `x`
 */
void espdl_reduce_sum_s8(const espdl_reduce_sum_params_t *p, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif
