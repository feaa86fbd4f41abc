/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/flip_sign.h"

#ifdef __cplusplus
extern "C" {
#endif

/** espdl_flip_sign_8() 16 bytes at a time where both addresses are multiples of 16. */
void espdl_s3_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif
