/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Runs of bytes that are taken from anywhere. */
typedef struct {
    int32_t count;    /**< runs; >= 1 */
    int32_t bytes;    /**< of a run; >= 1 */
} espdl_gather_elements_params_t;

/**
 * y[i] = the `bytes` bytes of x from begins[i] on (ONNX GatherElements and ReverseSequence with constant indices).
 *
 * @param p       sizes
 * @param x       input
 * @param begins  `count` byte offsets into x
 * @param y       output [count][bytes]; may overlap `x` where nothing is written over that it or a later run takes
 */
void espdl_gather_elements(const espdl_gather_elements_params_t *p, const void *x, const int32_t *begins, void *y);

#ifdef __cplusplus
}
#endif
