/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size and scale of a conversion between float and int8: real = scale * (q - zero_point). */
typedef struct {
    int32_t count;         /**< elements; >= 1 */
    float scale;           /**< positive and finite */
    int32_t zero_point;    /**< -128 .. 127 */
} espdl_quantize_params_t;

/**
 * y = x / scale + zero_point, rounded to nearest even and saturated; NaN becomes the zero point (ONNX QuantizeLinear).
 *
 * @param p  size and scale
 * @param x  `count` values
 * @param y  `count` values; may not overlap `x`
 */
void espdl_quantize_s8(const espdl_quantize_params_t *p, const float *x, int8_t *y);

/**
 * y = (x - zero_point) * scale (ONNX DequantizeLinear).
 *
 * @param p  size and scale
 * @param x  `count` values
 * @param y  `count` values; may not overlap `x`
 */
void espdl_dequantize_s8(const espdl_quantize_params_t *p, const int8_t *x, float *y);

#ifdef __cplusplus
}
#endif
