/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A border of one value. Axes are padded with ones in front to four. */
typedef struct {
    int32_t input_shape[4];     /**< >= 1, or one axis 0: the output is all border */
    int32_t output_shape[4];    /**< >= before + input_shape; where the latter is 0, >= 1 */
    int32_t before[4];          /**< >= 0: border in front of the input */
    int32_t value;              /**< -128 .. 127 */
} espdl_pad_params_t;

/**
 * y = x with a border (ONNX Pad, mode constant, int8).
 *
 * @param p  shapes
 * @param x  input
 * @param y  output; may overlap `x` where every line comes to lie where it is or in front of that, and no later line is
 *           written over before
 */
void espdl_pad_s8(const espdl_pad_params_t *p, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif
