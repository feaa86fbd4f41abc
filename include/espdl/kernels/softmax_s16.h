/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Shape of a softmax of int16 over the last axis. */
typedef struct {
    int32_t rows;      /**< >= 1 */
    int32_t length;    /**< elements of a row; 1 .. 65,536 */
} espdl_softmax_s16_params_t;

/**
 * y = exp(x) / sum of exp(row) (ONNX Softmax over the last axis, int16 of zero point 0; the output's scale is 2^-15).
 *
 * @param p       shape
 * @param x       [rows][length]; may be `y` itself (in place), no other overlap
 * @param coarse  256 values: exp(-256 * d * input scale) * 2^30
 * @param fine    256 values: exp(-d * input scale) * 2^30
 * @param y       [rows][length], saturated
 */
void espdl_softmax_s16(const espdl_softmax_s16_params_t *p, const int16_t *x, const uint32_t *coarse,
                       const uint32_t *fine, int16_t *y);

#ifdef __cplusplus
}
#endif
