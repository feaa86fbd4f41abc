/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor seen as [outer][length][inner]. */
typedef struct {
    int32_t outer, length, inner;    /**< >= 1 */
} espdl_argmin_params_t;

/**
 * y = the index of the smallest value of x along one axis, the first of equals (ONNX ArgMin, int8).
 *
 * @param p  sizes
 * @param x  [outer][length][inner]
 * @param y  [outer][inner], from 0 to length - 1; may not overlap `x`
 */
void espdl_argmin_s8(const espdl_argmin_params_t *p, const int8_t *x, int64_t *y);

#ifdef __cplusplus
}
#endif
