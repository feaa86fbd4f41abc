/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of an image and of its resized form. */
typedef struct {
    int32_t input_height, input_width, output_height, output_width, channels;    /**< >= 1 */
    int32_t output_pitch;    /**< bytes from one pixel of the output to the next; >= channels */
    int32_t first_row, first_input_row;    /**< of a part of the rows: where it begins in output and input; else 0 */
} espdl_resize_linear_params_t;

/** Between which two rows or columns of the input one of the output lies. */
typedef struct {
    int32_t low, high;    /**< indices */
    int32_t weight;       /**< 0 .. 2048: of `high`, in 1/2048 */
} espdl_resize_place_t;

/**
 * y = x resized by linear interpolation along both axes (ONNX Resize, mode linear, int8); one scale for both. Ties of the
 * rounding go up.
 *
 * @param p        sizes
 * @param x        [input_height][input_width][channels]
 * @param rows     places in the input, of which `output_height` from first_row on are read; they count from first_input_row
 * @param columns  `output_width` places in the input
 * @param y        [output_height][output_width][channels], pixels output_pitch bytes apart; may overlap `x` where no pixel
 *                 is written over one that it or a later one is made of
 */
void espdl_resize_linear_s8(const espdl_resize_linear_params_t *p, const int8_t *x, const espdl_resize_place_t *rows,
                            const espdl_resize_place_t *columns, int8_t *y);

#ifdef __cplusplus
}
#endif
