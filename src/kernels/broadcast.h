/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The walk through two operands of which one may be repeated, for the elementwise kernels of two tensors.
 */
#pragma once

#include <stdint.h>

/** One row: `count` results; `a` and `b` advance by their steps (0: the same value again). */
typedef void (*espdl_row_t)(const void *p, const int8_t *a, int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y,
                            int32_t count);

/** Calls `row` for every row of the output; inlined into each kernel, so that `row` is no call. */
static inline void espdl_for_rows(const int32_t *shape, const int32_t *a_strides, const int32_t *b_strides,
                                  espdl_row_t row, const void *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    for (int32_t i = 0; i < shape[0]; i++) {
        for (int32_t j = 0; j < shape[1]; j++) {
            for (int32_t k = 0; k < shape[2]; k++, y += shape[3]) {
                row(p, a + i * a_strides[0] + j * a_strides[1] + k * a_strides[2], a_strides[3],
                    b + i * b_strides[0] + j * b_strides[1] + k * b_strides[2], b_strides[3], y, shape[3]);
            }
        }
    }
}
