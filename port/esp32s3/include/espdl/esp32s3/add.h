/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/add.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_add_shift_s8() on the vector unit, where the tensors are multiples of 16; elsewhere the same in scalar code.
 *
 * @param p          as there; a_shift, b_shift <= 6; output_shift <= 7; ESPDL_ROUND_HALF_UP
 * @param constants  16 factors of a, 16 of b, and what sums begin with, packed by python/espdl/backends/esp32s3/add.py
 */
void espdl_s3_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, const int8_t *constants, int8_t *y);

#ifdef __cplusplus
}
#endif
