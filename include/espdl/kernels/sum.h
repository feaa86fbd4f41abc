/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shapes and arithmetic of an elementwise sum or difference of two int8 tensors. */
typedef struct {
    int32_t shape[4];        /**< of the output, >= 1; axes that can be one are one, missing ones in front are 1 */
    int32_t a_strides[4];    /**< values from one index of the axis to the next; 0: `a` is repeated along it */
    int32_t b_strides[4];    /**< likewise of `b` */
    int32_t left_shift;      /**< 0 .. 22: bits by which both operands gain precision (ESPDL_ROUND_TFLITE) */
    int32_t a_zero_point, a_multiplier, a_shift;
    int32_t a_sign;          /**< 1 or -1 */
    int32_t b_zero_point, b_multiplier, b_shift;
    int32_t b_sign;          /**< 1 or -1 */
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_sum_params_t;

/**
 * y = a_sign * a + b_sign * b with broadcasting (ONNX Add, Sub, int8): both operands are brought to a common scale, added, and
 * the sum is requantised. With ESPDL_ROUND_TFLITE that is TensorFlow Lite's arithmetic and a_shift, b_shift are right shifts;
 * otherwise the scales' ratios are powers of two, and a_shift, b_shift are left shifts (0 .. 21) without multipliers.
 *
 * @param p     shapes and arithmetic
 * @param a, b  operands; one that is not repeated may be `y` itself (in place), no other overlap
 * @param y     as many values as `shape` says
 */
void espdl_sum_s8(const espdl_sum_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
