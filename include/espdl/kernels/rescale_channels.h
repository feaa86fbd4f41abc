/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size and arithmetic of a factor and an offset for every channel. */
typedef struct {
    int32_t outer;                             /**< what lies before the channels: pixels where they are last */
    int32_t channels;                          /**< >= 1 */
    int32_t inner;                             /**< elements of a channel that follow each other; >= 1 */
    int32_t shift;                             /**< 4 .. 15 */
    int32_t activation_min, activation_max;    /**< clamp of the output */
} espdl_rescale_channels_params_t;

/**
 * y = (((x * 2^lead * multipliers[channel]) >> 32) + addends[channel]) >> shift, clamped; the lead is 14, or 22 for bytes. No
 * sum leaves 32 bits.
 *
 * @param p            size and arithmetic
 * @param x            [outer][channels][inner], the integers of an input
 * @param multipliers  [channels]
 * @param addends      [channels], half a unit of the output included
 * @param y            [outer][channels][inner]; may not overlap `x`
 */
void espdl_rescale_channels_s16_s8(const espdl_rescale_channels_params_t *p, const int16_t *x, const int32_t *multipliers,
                                   const int32_t *addends, int8_t *y);

/** The same from uint16 to int8. */
void espdl_rescale_channels_u16_s8(const espdl_rescale_channels_params_t *p, const uint16_t *x, const int32_t *multipliers,
                                   const int32_t *addends, int8_t *y);

/** The same from int16 to int16. */
void espdl_rescale_channels_s16_s16(const espdl_rescale_channels_params_t *p, const int16_t *x,
                                    const int32_t *multipliers, const int32_t *addends, int16_t *y);

/** The same from uint16 to int16. */
void espdl_rescale_channels_u16_s16(const espdl_rescale_channels_params_t *p, const uint16_t *x,
                                    const int32_t *multipliers, const int32_t *addends, int16_t *y);

/** The same from int8 to int16. */
void espdl_rescale_channels_s8_s16(const espdl_rescale_channels_params_t *p, const int8_t *x, const int32_t *multipliers,
                                   const int32_t *addends, int16_t *y);

/** The same from uint8 to int16. */
void espdl_rescale_channels_u8_s16(const espdl_rescale_channels_params_t *p, const uint8_t *x, const int32_t *multipliers,
                                   const int32_t *addends, int16_t *y);

#ifdef __cplusplus
}
#endif
