/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a softmax over the last axis. */
typedef struct {
    int32_t rows;                 /**< >= 1 */
    int32_t length;               /**< elements of a row; >= 1 */
    int32_t output_scale;         /**< the output's scale times 2^(58 - output_shift); 2^28 .. 2^29 */
    int32_t output_shift;         /**< 18 .. 22, and 22 for scales of 1/256 and more (scales are 1/4096 .. 1/128) */
    int32_t output_zero_point;    /**< -128 .. 127 */
} espdl_softmax_params_t;

/**
 * y = exp(x) / sum of exp(row) in integers (ONNX Softmax over the last axis, int8); within 0.7 of the exact value.
 * A row takes one division, which gives the factor of its elements.
 *
 * @param p             shape and arithmetic
 * @param x             [rows][length]; may be `y` itself (in place), no other overlap
 * @param exponentials  256 values, those of the distances d = 255 .. 0 to a row's largest element:
 *                      2^6 * 32767 * exp(-d * input scale) + 2^5, rounded
 * @param y             [rows][length], saturated
 */
void espdl_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y);

#ifdef __cplusplus
}
#endif
