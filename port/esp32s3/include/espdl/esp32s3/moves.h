/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/copy.h"
#include "espdl/kernels/gather.h"
#include "espdl/kernels/transpose.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * 16, 8 or 4 bytes at a time: what all addresses, and the bytes of lines and steps between them, are multiples of.
 */

/** espdl_gather(); lines are `bytes`. */
void espdl_s3_gather(const espdl_gather_params_t *p, const void *x, const int32_t *row_index,
                     const int32_t *column_index, void *y);

/** espdl_copy() of lines of shape[5] * item_bytes bytes; strides[5] is 1. */
void espdl_s3_copy(const espdl_copy_params_t *p, const void *x, void *y);

/** espdl_transpose() where the last axis stays the last: lines of shape[5] * item_bytes bytes; strides[5] is 1. */
void espdl_s3_transpose_lines(const espdl_transpose_params_t *p, const void *x, void *y);

/**
 * espdl_transpose() of bytes where the last axis of the input becomes the one before the last: item_bytes and strides[4] are
 * 1, the last two of `shape` and all other strides multiples of 16.
 *
 * @param scratch  512 bytes, a multiple of 16
 */
void espdl_s3_transpose_bytes(const espdl_transpose_params_t *p, const void *x, void *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
