/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A permutation of axes. Axes are padded with ones in front to six. */
typedef struct {
    int32_t item_bytes;    /**< >= 1 */
    int32_t shape[6];      /**< of the output; >= 1 */
    int32_t strides[6];    /**< items of the input from one index of the output's axis to the next */
} espdl_transpose_params_t;

/**
 * y = x with its axes in another order (ONNX Transpose); items of any size.
 *
 * @param p  shape
 * @param x  input, as many items as the output
 * @param y  output; may not overlap `x`
 */
void espdl_transpose(const espdl_transpose_params_t *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif
