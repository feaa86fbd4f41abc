/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Shapes of an elementwise maximum of two int8 tensors. */
typedef struct {
    int32_t shape[4];        /**< of the output, >= 1; axes that can be one are one, missing ones in front are 1 */
    int32_t a_strides[4];    /**< values from one index of the axis to the next; 0: `a` is repeated along it */
    int32_t b_strides[4];    /**< likewise of `b` */
} espdl_maximum_params_t;

/**
 * y = the maximum of a and b with broadcasting (ONNX Max, int8); one scale for all three.
 *
 * @param p     shapes
 * @param a, b  operands; one that is not repeated may be `y` itself (in place), no other overlap
 * @param y     as many values as `shape` says
 */
void espdl_maximum_s8(const espdl_maximum_params_t *p, const int8_t *a, const int8_t *b, int8_t *y);

#ifdef __cplusplus
}
#endif
