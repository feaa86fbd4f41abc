/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/add.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the state of a sum. */
#define ESPDL_DL_ADD_STATE 112

/**
 * Prepare a sum, once per instance.
 *
 * @param p      count; all shifts and zero points 0, the whole range of int8
 * @param a, b   `count` values each
 * @param y      `count` values; may be `a` or `b` (in place), no other overlap
 * @param state  ESPDL_DL_ADD_STATE bytes at a multiple of 16
 */
void espdl_dl_add_s8_prepare(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state);

/** y = a + b, saturated (ONNX Add, int8), with the arguments it was prepared with. */
void espdl_dl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
