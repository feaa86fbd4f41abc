/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Arithmetic of an elementwise sum of two int16 tensors of zero point 0. */
typedef struct {
    int32_t count;                             /**< elements; >= 1 */
    int32_t a_multiplier, b_multiplier;        /**< 0 .. 2^30 */
    int32_t shift;                             /**< 1 .. 62 */
    int32_t activation_min, activation_max;    /**< -32768 .. 32767; clamp of the output */
} espdl_add_s16_params_t;

/**
 * y = (a * a_multiplier + b * b_multiplier) * 2^-shift, ties towards plus infinity (ONNX Add, int16).
 *
 * @param p     arithmetic
 * @param a, b  `count` values each; either may be `y` itself (in place), no other overlap
 * @param y     `count` values
 */
void espdl_add_s16(const espdl_add_s16_params_t *p, const int16_t *a, const int16_t *b, int16_t *y);

#ifdef __cplusplus
}
#endif
