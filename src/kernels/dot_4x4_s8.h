/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Four pixels times four output channels: the inner part of convolution and matrix product.
 *
 * Two pixels a and b share one word, (b << 16) + a, so that one multiplication serves both. After two products the low
 * half still fits 16 bits (2 * 128 * 127 < 2^15), so the high half can be read off exactly and summed by itself; the sum
 * of the low halves is what remains of the sum of the words. No pair of weights may reach 256 in absolute sum with
 * both -128. Where no four weights reach 256 either, the compiler lets four products be added up before that.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

/** What all blocks of a layer have in common. */
typedef struct {
    int32_t depth;                          /**< products of a sum; even */
    int32_t channels;                       /**< of the output */
    int32_t pitch;                          /**< bytes from one pixel of the output to the next */
    int32_t activation_min, activation_max;
    int32_t output_zero_point;
    espdl_rounding_t rounding;              /**< TFLITE or HALF_UP */
} espdl_dot_t;

/**
 * All output channels of up to four pixels.
 *
 * @param p         shape and arithmetic
 * @param pixels    [depth][2] words: pixels 0 and 1, pixels 2 and 3
 * @param weights   [channels / 4, rounded up][depth][4], and behind them, bytes: 0; or 1 and for each block of four
 *                  channels, until all products are in one, how many groups of four products follow and how many of two
 * @param channels  one record per channel, rounded up to a multiple of 4
 * @param y         [count][p->channels], pixels p->pitch bytes apart
 * @param count     1 .. 4 pixels to store
 */
void espdl_dot_4x4_s8(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y, int32_t count);
