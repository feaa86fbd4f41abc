/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Arithmetic of an elementwise sum of two int8 tensors. */
typedef struct {
    int32_t count;                             /**< elements; >= 1 */
    int32_t left_shift;                        /**< 0 .. 20: bits by which both inputs gain precision (espdl_add_s8) */
    int32_t a_zero_point, a_multiplier, a_shift;
    int32_t b_zero_point, b_multiplier, b_shift;
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;
} espdl_add_params_t;

/**
 * y = a + b in TensorFlow Lite's arithmetic (ONNX Add, int8): both inputs are shifted left, requantised to a common scale,
 * added, and the sum is requantised.
 *
 * @param p     arithmetic; all shifts are right shifts, 0 .. 30; 255 * 2^left_shift times the ratio of an input is below
 *              2^28, so that no sum reaches 2^29; `rounding` is ESPDL_ROUND_TFLITE
 * @param a, b  `count` values each; either may be `y` itself (in place), no other overlap
 * @param y     `count` values
 */
void espdl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

/**
 * y = a + b where the ratios of the scales are powers of two (ONNX Add, int8): both inputs are shifted left to a common
 * scale, added, and the sum is shifted right.
 *
 * @param p     arithmetic; a_shift, b_shift are left shifts (0 .. 21), output_shift a right shift (0 .. 31); no multipliers;
 *              `rounding` is not ESPDL_ROUND_TFLITE
 * @param a, b  `count` values each; either may be `y` itself (in place), no other overlap
 * @param y     `count` values
 */
void espdl_add_shift_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
