/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/rescale_s16.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_rescale_s16_s8() and espdl_rescale_u16_s8() on the vector unit, 16 elements at a time where `y` is a multiple
 * of 16; what is left, and elsewhere all, in scalar code.
 *
 * @param p     as there; of which only `count` is read
 * @param x     `count` int16 or uint16; where it is a multiple of 16 it needs fewer instructions
 * @param line  the same arithmetic as a line, packed by python/espdl/backends/esp32s3/rescale.py
 * @param y     `count` values; may begin where `x` does
 */
void espdl_s3_rescale_16_s8(const espdl_rescale_params_t *p, const void *x, const int8_t *line, int8_t *y);

#ifdef __cplusplus
}
#endif
