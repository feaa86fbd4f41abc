/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/gather.h"
#include "espdl/kernels/transpose.h"

#ifdef __cplusplus
extern "C" {
#endif

/** espdl_gather() 16 bytes at a time: `bytes` and output_pitch are multiples of 16, as all addresses are. */
void espdl_s3_gather(const espdl_gather_params_t *p, const void *x, const int32_t *row_index,
                     const int32_t *column_index, void *y);

/**
 * espdl_transpose() where the last axis stays the last: lines of shape[5] * item_bytes bytes, a multiple of 16, as the bytes
 * of all other strides are; strides[5] is 1.
 */
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
