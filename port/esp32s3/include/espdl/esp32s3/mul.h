/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/mul.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_mul_s8() on the vector unit, where rows are multiples of 16; elsewhere the same in scalar code.
 *
 * @param p      as there; a and b have zero point 0 and are not repeated along the last axis; left_shift 0; shift <= 11;
 *               ESPDL_ROUND_HALF_UP
 * @param start  what sums begin with, packed by python/espdl/backends/esp32s3/mul.py
 */
void espdl_s3_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y);

/**
 * The same where `b` has one value for each item of the last axis, any number of them, and `a` is not repeated.
 *
 * @param scratch  `b` as often as makes whole vectors, and ESPDL_S3_REPEATED bytes or more; a multiple of 16
 */
void espdl_s3_mul_channels_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y,
                              int8_t *scratch);

#define ESPDL_S3_REPEATED 256

/**
 * espdl_s3_mul_s8() and espdl_s3_mul_channels_s8() in scheme affine: any zero points, left_shift 0, ESPDL_ROUND_TFLITE.
 *
 * @param scales  what makes outputs of products, packed by python/espdl/backends/esp32s3/words.py
 */
void espdl_s3_mul_affine_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *scales,
                            int8_t *y);
void espdl_s3_mul_channels_affine_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b,
                                     const int8_t *scales, int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
