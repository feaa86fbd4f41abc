/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of an elementwise function. */
typedef struct {
    int32_t count;                        /**< elements; a positive multiple of `row` */
    int32_t row;                          /**< of so many elements */
    int32_t input_pitch, output_pitch;    /**< bytes from one row to the next; >= row */
} espdl_lookup_params_t;

/**
 * y = table[x as uint8]: any elementwise function of one int8 tensor.
 *
 * @param p      size
 * @param x      [count / row][row], rows input_pitch bytes apart; may be `y` itself (in place) where both pitches are the
 *               same, no other overlap
 * @param table  256 values, for x = 0 .. 127, then -128 .. -1
 * @param y      [count / row][row], rows output_pitch bytes apart
 */
void espdl_lookup_s8(const espdl_lookup_params_t *p, const int8_t *x, const int8_t *table, int8_t *y);

#ifdef __cplusplus
}
#endif
