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
    int32_t output_scale;         /**< the output's scale in units of 2^-36; 2^24 .. 2^29 (1/4096 .. 1/128) */
    int32_t output_zero_point;    /**< -128 .. 127 */
} espdl_softmax_params_t;

/**
 * y = exp(x) / sum of exp(row) in integers (ONNX Softmax over the last axis, int8); within 1 of the exact value.
 *
 * @param p             shape and arithmetic
 * @param x             [rows][length]; may be `y` itself (in place), no other overlap
 * @param exponentials  256 values: exp(-d * input scale) in units so small that a row's sum is at most 2^30
 *                      and one value at most 2^23
 * @param y             [rows][length], saturated
 */
void espdl_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y);

#ifdef __cplusplus
}
#endif
