/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Rows and columns that are taken: the input is [outer][input_rows][input_columns][bytes]. */
typedef struct {
    int32_t outer;                        /**< >= 1 */
    int32_t input_rows, input_columns;    /**< >= 1 */
    int32_t rows, columns;                /**< of the output; >= 1 */
    int32_t bytes;                        /**< that stay together; >= 1 */
    int32_t output_pitch;                 /**< bytes from one such item of the output to the next; >= bytes */
    int32_t first_row, first_input_row;   /**< of a part of the rows: where it begins in output and input; else 0 */
} espdl_gather_params_t;

/**
 * y[i][r][c] = x[i][row_index[r]][column_index[c]] (ONNX Gather with constant indices, Resize nearest, Pad reflect and edge).
 *
 * @param p             sizes
 * @param x             input
 * @param row_index     indices, of which those from first_row on are read: first_input_row .. + input_rows - 1
 * @param column_index  `columns` indices, 0 .. input_columns - 1
 * @param y             output [outer][rows][columns][bytes], items output_pitch apart; may overlap `x` where nothing is
 *                      written over that it or a later item takes
 */
void espdl_gather(const espdl_gather_params_t *p, const void *x, const int32_t *row_index, const int32_t *column_index,
                  void *y);

#ifdef __cplusplus
}
#endif
