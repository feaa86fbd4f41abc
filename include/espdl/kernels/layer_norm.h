/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Rows, and the number by which nothing is divided. */
typedef struct {
    int32_t rows, length;         /**< >= 1; length <= 32768 */
    int32_t epsilon;              /**< >= 0: the ONNX epsilon times (length / input scale)^2 */
    int32_t gamma_bits;           /**< 0 .. 40: bits of the fraction of `gamma` */
    int32_t output_zero_point;
} espdl_layer_norm_params_t;

/**
 * Layer normalisation (ONNX LayerNormalization, int8): y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, in integers:
 * with d = length * x - sum and V = length * sum of squares - sum^2 it is d / sqrt(V + epsilon), 16 bits of fraction.
 *
 * @param p      sizes
 * @param x      [rows][length]; may be `y` itself (in place), no other overlap
 * @param gamma  [length], in units of the output scale * 2^-gamma_bits
 * @param beta   [length], in units of the output scale / 256
 * @param y      as `x`
 */
void espdl_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int32_t *gamma, const int32_t *beta,
                         int8_t *y);

#ifdef __cplusplus
}
#endif
