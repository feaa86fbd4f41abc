/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of an elementwise function that is another one for every channel. */
typedef struct {
    int32_t outer;       /**< what lies before the channels: pixels where they are last, 1 where they are first */
    int32_t channels;    /**< >= 1 */
    int32_t inner;       /**< elements of a channel that follow each other; >= 1 */
} espdl_lookup_channels_params_t;

/**
 * y = table[channel][x], x as an unsigned byte.
 *
 * @param p      size
 * @param x      [outer][channels][inner]; bytes, whatever their sign means; may be `y` itself (in place)
 * @param table  [channels][256]: for each 0 .. 127, then -128 .. -1 as int8
 * @param y      [outer][channels][inner]
 */
void espdl_lookup_channels_s8(const espdl_lookup_channels_params_t *p, const int8_t *x, const int8_t *table, int8_t *y);

#ifdef __cplusplus
}
#endif
