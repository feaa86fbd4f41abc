/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size and scale of a conversion between float and int16: real = scale * q. */
typedef struct {
    int32_t count;    /**< elements; >= 1 */
    float scale;      /**< positive and finite */
} espdl_quantize_s16_params_t;

/**
 * y = x / scale, rounded to nearest even and saturated; NaN becomes 0 (ONNX QuantizeLinear).
 *
 * @param p  size and scale
 * @param x  `count` values
 * @param y  `count` values; may not overlap `x`
 */
void espdl_quantize_s16(const espdl_quantize_s16_params_t *p, const float *x, int16_t *y);

/**
 * y = x * scale (ONNX DequantizeLinear).
 *
 * @param p  size and scale
 * @param x  `count` values
 * @param y  `count` values; may not overlap `x`
 */
void espdl_dequantize_s16(const espdl_quantize_s16_params_t *p, const int16_t *x, float *y);

#ifdef __cplusplus
}
#endif
