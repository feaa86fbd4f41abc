/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "dot_3x8_s8.h"

/**
 * All output channels of one pixel, eight at a time, in little code: for a pixel that three at a time leave over. It
 * takes weights as espdl_dot_3x8_s8() does.
 *
 * @param p         shape and arithmetic
 * @param pixel     p->depth values
 * @param weights   [channels / 8, rounded up][depth][8]; what is behind them is not read
 * @param channels  one record per channel, rounded up to a multiple of 8
 * @param y         [p->channels]; may not overlap `pixel`
 */
void espdl_dot_1x8_s8(const espdl_dot_t *p, const int8_t *pixel, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y);
