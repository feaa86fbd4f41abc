/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/rescale_channels.h"
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

/**
 * espdl_rescale_channels_s16_s8() and espdl_rescale_channels_u16_s8() on the vector unit, in the same way: 16 elements
 * at a time, of all channels where these are last (`inner` is 1), elsewhere of one.
 *
 * @param p      as there; of which the sizes are read
 * @param x      as there, int16 or uint16
 * @param lines  the same arithmetic as a line for each channel, packed by python/espdl/backends/esp32s3/rescale.py
 * @param y      as there; may begin where `x` does
 */
void espdl_s3_rescale_channels_16_s8(const espdl_rescale_channels_params_t *p, const void *x, const int8_t *lines,
                                     int8_t *y);

#ifdef __cplusplus
}
#endif
