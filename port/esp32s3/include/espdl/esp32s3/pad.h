/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/pad.h"

#ifdef __cplusplus
extern "C" {
#endif

/** espdl_pad_s8() 16 bytes at a time: the last axis, its borders and all addresses are multiples of 16. */
void espdl_s3_pad_s8(const espdl_pad_params_t *p, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif
