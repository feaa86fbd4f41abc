/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/layer_norm.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_layer_norm_s8() on the vector unit. Rows that are no whole vectors, or do not begin at a multiple of 16, go
 * through a buffer.
 *
 * @param p       as there
 * @param x       [rows][length]; may be `y` itself (in place), no other overlap
 * @param scales  gamma and beta, packed by python/espdl/backends/esp32s3/layer_norm.py
 * @param y       as `x`
 * @param scratch 16 bytes, and those of a row in whole vectors; a multiple of 16
 */
void espdl_s3_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int8_t *scales, int8_t *y,
                            int8_t *scratch);

#ifdef __cplusplus
}
#endif
