/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/concat.h"

#ifdef __cplusplus
extern "C" {
#endif

/** espdl_concat() 16, 8 or 4 bytes at a time: what the bytes of all parts, and all addresses, are multiples of. */
void espdl_s3_concat(const espdl_concat_params_t *p, const void *a, const void *b, const void *c, const void *d,
                     const void *e, const void *f, const void *g, const void *h, void *y);

#ifdef __cplusplus
}
#endif
