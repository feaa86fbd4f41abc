/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/average_pool2d.h"
#include "espdl/kernels/max_pool2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** espdl_max_pool2d_s8() on the vector unit: fastest where channels, `x` and `y` are multiples of 16. */
void espdl_s3_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y);

/**
 * espdl_average_pool2d_s8() with sums by the vector unit: channels, `x` and `y` multiples of 16; windows of at most
 * 4095 pixels.
 *  Behind the shifts, made a multiple of 4, is how lanes of 20 bits divide, if they can. */
void espdl_s3_average_pool2d_s8(const espdl_average_pool2d_params_t *p, const int8_t *x, const int32_t *multiplier,
                                const int32_t *shift, int8_t *y);

#ifdef __cplusplus
}
#endif
