/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Rows, and the numbers by which nothing is divided: python/espdl/backends/portable/layer_norm.py has them. */
typedef struct {
    int32_t rows, length; /**< >= 1; length <= 32768 */
    int32_t epsilon;      /**< >= 0: the ONNX epsilon times (length / input scale)^2, times 4^spread_shift */
    int32_t spread_shift; /**< 0 .. unit_shift - 15 */
    int32_t inverse;      /**< 2^(54 - sum_shift) / length */
    int32_t sum_shift;    /**< 24 less the bits of length - 1 */
    int32_t factor;       /**< 2^14 .. 32512: length * units * 2^(unit_shift - 23) */
    int32_t unit_shift;   /**< 15 .. 23 */
    int32_t beta_shift;   /**< 0 .. 14 */
    int32_t output_shift; /**< 8 .. 29 */
} espdl_layer_norm_params_t;

/**
 * Layer normalisation (ONNX LayerNormalization, int8): y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, in
 * integers of 16 bits and sums of 32. With V = length * sum of squares - sum^2 + epsilon / 4^spread_shift, which is
 * exact, a row's elements become units: x * step + start, where step = length * units / sqrt(V) and start =
 * -mean * step.
 *
 * No element is more than sqrt(length - 1) deviations from its row's mean, and a deviation has as many units as then
 * fit 16 bits, whatever is rounded: a step is at most 2^-13 of it too large, a start wrong by half a unit and 2^-6.
 * A sum is at most 255 * 2^8 * 32512 + 2^22, and unit * gamma + beta * 2^beta_shift at most 2^30 + 2^29.
 *
 * @param p      sizes
 * @param x      [rows][length]; may be `y` itself (in place), no other overlap
 * @param gamma  [length], each -32767 .. 32767: for a unit, in steps of the output * 2^-output_shift
 * @param beta   [length], with the output's zero point and half a step, in steps * 2^(beta_shift - output_shift)
 * @param y      as `x`
 */
void espdl_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int16_t *gamma, const int16_t *beta,
                         int8_t *y);

#ifdef __cplusplus
}
#endif
