/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "dot_4x4_s8.h"

/**
 * All output channels of one pixel, eight at a time, in little code: for what four pixels at a time leave over. It takes
 * weights as espdl_dot_4x4_s8() does.
 *
 * @param p         shape and arithmetic
 * @param pixel     `count` values
 * @param count     p->depth, or one less where a weight was added to make depth even
 * @param weights   [channels / 4, rounded up][depth][4]; what is behind them is not read
 * @param channels  one record per channel, rounded up to a multiple of 4
 * @param y         [p->channels]; may not overlap `pixel`
 */
void espdl_dot_1x8_s8(const espdl_dot_t *p, const int8_t *pixel, int32_t count, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y);
