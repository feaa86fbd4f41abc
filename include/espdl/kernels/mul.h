/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shapes and arithmetic of an elementwise product of two int8 tensors. */
typedef struct {
    int32_t shape[4];        /**< of the output, >= 1; axes that can be one are one, missing ones in front are 1 */
    int32_t a_strides[4];    /**< values from one index of the axis to the next; 0: `a` is repeated along it */
    int32_t b_strides[4];    /**< likewise of `b` */
    int32_t a_zero_point, b_zero_point, output_zero_point;
    int32_t left_shift;      /**< 0 .. 15: of the product, before it is requantised */
    int32_t multiplier, shift;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_mul_params_t;

/**
 * y = a * b with broadcasting (ONNX Mul, int8): requantize((a - a_zero_point) * (b - b_zero_point) << left_shift).
 *
 * @param p     shapes and arithmetic
 * @param a, b  operands; one that is not repeated may be `y` itself (in place), no other overlap
 * @param y     as many values as `shape` says
 */
void espdl_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
