/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size and arithmetic of a change between int8 and int16, or between scales of int16. */
typedef struct {
    int32_t count;                             /**< elements; >= 1 */
    int32_t input_zero_point;                  /**< in the range of the input's type */
    int32_t multiplier;                        /**< 0, or 2^30 .. 2^31-1 */
    int32_t shift;                             /**< 1 .. 62 */
    int32_t output_zero_point;                 /**< -128 .. 127; 0 for int16 */
    int32_t activation_min, activation_max;    /**< clamp of the output */
} espdl_rescale_params_t;

/**
 * y = (x - input_zero_point) * multiplier * 2^-shift + output_zero_point, ties towards plus infinity.
 *
 * @param p  size and arithmetic
 * @param x  `count` values
 * @param y  `count` values; may not overlap `x`
 */
void espdl_rescale_s8_s16(const espdl_rescale_params_t *p, const int8_t *x, int16_t *y);

/** The same from int16 to int8. */
void espdl_rescale_s16_s8(const espdl_rescale_params_t *p, const int16_t *x, int8_t *y);

/** The same from int16 to int16. */
void espdl_rescale_s16_s16(const espdl_rescale_params_t *p, const int16_t *x, int16_t *y);

/** The same from the bytes of an input to int16. */
void espdl_rescale_u8_s16(const espdl_rescale_params_t *p, const uint8_t *x, int16_t *y);

/** The same from uint16, an input, to int8. */
void espdl_rescale_u16_s8(const espdl_rescale_params_t *p, const uint16_t *x, int8_t *y);

/** The same from uint16, an input, to int16. */
void espdl_rescale_u16_s16(const espdl_rescale_params_t *p, const uint16_t *x, int16_t *y);

#ifdef __cplusplus
}
#endif
