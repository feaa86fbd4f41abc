/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/mul.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the state of a product. */
#define ESPDL_DL_MUL_STATE 112

/**
 * Prepare a product, once per instance.
 *
 * @param p      one shape of 16 values or more for all; shift 0 .. 19, no left shift; zero points 0, the whole range of int8;
 *               rounding HALF_UP on ESP32-S3, HALF_EVEN on ESP32-P4
 * @param a, b   operands
 * @param y      may be `a` or `b` (in place), no other overlap
 * @param state  ESPDL_DL_MUL_STATE bytes at a multiple of 16
 */
void espdl_dl_mul_s8_prepare(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state);

/** y = a * b, shifted right and saturated (ONNX Mul, int8), with the arguments it was prepared with. */
void espdl_dl_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
