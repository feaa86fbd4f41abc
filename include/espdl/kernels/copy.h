/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A part of a tensor, or its repetition. Axes are padded with ones in front to six. */
typedef struct {
    int32_t item_bytes;    /**< >= 1 */
    int32_t first;         /**< items of the input before the first that is copied */
    int32_t output_pitch;  /**< bytes of the output from one index of the last axis but one to the next; the other axes
                                follow without gaps; >= shape[5] * item_bytes */
    int32_t shape[6];      /**< of the output; >= 1 */
    int32_t strides[6];    /**< items of the input from one index of the axis to the next; 0 repeats, < 0 goes backwards */
} espdl_copy_params_t;

/**
 * y = a strided view of x (ONNX Slice, Split, Expand, Tile); items of any size.
 *
 * @param p  the view; every item of it lies in `x`
 * @param x  input
 * @param y  output; may overlap `x` where nothing is written over that it or a later item takes
 */
void espdl_copy(const espdl_copy_params_t *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif
