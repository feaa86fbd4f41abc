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
 * @param p  as there; a and b have zero point 0 and are not repeated along the last axis; left_shift 0; shift <= 11;
 *           ESPDL_ROUND_HALF_UP
 */
void espdl_s3_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
