/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/matmul.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_matmul_s8() on the vector unit of the ESP32-S3, 16 columns at a time in sums of 40 bits: b_zero_point 0,
 * ESPDL_ROUND_HALF_UP, shift 0 .. 19, inner at most 8192; `y` row after row. Tensors begin at multiples of 16.
 *
 * @param start    what all sums begin with, packed by python/espdl/backends/esp32s3/matmul.py
 * @param scratch  34 * inner8 + 144 bytes, inner8: inner made a multiple of 8
 */
void espdl_s3_matmul_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y,
                        int8_t *scratch);

/**
 * The same in scheme affine: any zero points, ESPDL_ROUND_TFLITE.
 *
 * @param scales   what makes outputs of sums, packed by python/espdl/backends/esp32s3/words.py
 */
void espdl_s3_matmul_affine_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *scales,
                               int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
