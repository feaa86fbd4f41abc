/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor seen as [outer][length][inner]. */
typedef struct {
    int32_t outer, length, inner;    /**< >= 1 */
} espdl_reduce_min_params_t;

/**
 * y = the smallest value of x along one axis (ONNX ReduceMin, int8); one scale for both.
 *
 * @param p  sizes
 * @param x  [outer][length][inner]
 * @param y  [outer][inner]; may not overlap `x`
 */
void espdl_reduce_min_s8(const espdl_reduce_min_params_t *p, const int8_t *x, int8_t *y);

#ifdef __cplusplus
}
#endif
