/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Arithmetic of an elementwise sum of scheme affine: that of espdl_add_params_t, and factors that give the same. */
typedef struct {
    int32_t count;                             /**< elements; >= 1 */
    int32_t left_shift;
    int32_t a_zero_point, a_multiplier, a_shift;
    int32_t b_zero_point, b_multiplier, b_shift;
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t activation_min, activation_max;    /**< -128 .. 127; clamp of the output */
    espdl_rounding_t rounding;                 /**< ESPDL_ROUND_TFLITE */
    int32_t a_high, a_low, b_high, b_low;      /**< of factors of 27 bits, whose low part has 15 */
    int32_t coarse, fine;                      /**< of an offset, in units of 2^29 and of 2^14 */
    int32_t shift;                             /**< 0 .. 37 */
} espdl_s3_affine_add_params_t;

/**
 * espdl_add_s8() on the vector unit, where the tensors are multiples of 16; elsewhere the same in scalar code:
 * y = (256 * (a * a_factor + b * b_factor) + offset) >> (shift + 23), clamped.
 *
 * @param a, b  `count` values each; either may be `y` itself (in place), no other overlap
 */
void espdl_s3_add_affine_s8(const espdl_s3_affine_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
