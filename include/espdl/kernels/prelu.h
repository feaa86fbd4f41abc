/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor seen as [outer][channels][inner], and how its two halves are scaled. */
typedef struct {
    int32_t outer, channels, inner;    /**< >= 1 */
    int32_t input_zero_point, output_zero_point;
    int32_t positive_left_shift, positive_multiplier, positive_shift;    /**< of values of at least zero */
    int32_t negative_left_shift, negative_multiplier, negative_shift;    /**< of value times slope */
    espdl_rounding_t rounding;
} espdl_prelu_params_t;

/**
 * y = x where x >= 0, else slope * x (ONNX PRelu, int8).
 *
 * @param p      sizes and arithmetic
 * @param x      [outer][channels][inner]; may be `y` itself (in place), no other overlap
 * @param slope  [channels], zero point 0
 * @param y      as `x`
 */
void espdl_prelu_s8(const espdl_prelu_params_t *p, const int8_t *x, const int8_t *slope, int8_t *y);

#ifdef __cplusplus
}
#endif
