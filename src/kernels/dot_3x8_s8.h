/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Three pixels times eight output channels: the inner part of convolution and matrix product.
 *
 * Three pixels a, b, c share two words, a + (c << 21) and b + (c << 10), so that two multiplications serve all three.
 * Sums of such words, modulo 2^32, hold three sums of 21 bits: that of a, as what is above it begins at bit 21, and
 * with it the low 11 bits of that of c; and when these are taken off the second word, that of b and the other bits of
 * that of c. 21 bits are enough for 63 products of any values; the compiler says how many it may be with a layer's
 * weights.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

/** Of the sums that a word holds, with their sign. */
enum { ESPDL_SUM_BITS = 21 };

/** What all blocks of a layer have in common. */
typedef struct {
    int32_t depth;                          /**< products of a sum */
    int32_t channels;                       /**< of the output */
    int32_t pitch;                          /**< bytes from one pixel of the output to the next */
    int32_t activation_min, activation_max;
    int32_t output_zero_point;
    espdl_rounding_t rounding;              /**< TFLITE or HALF_UP */
} espdl_dot_t;

/**
 * All output channels of up to three pixels.
 *
 * @param p         shape and arithmetic
 * @param pixels    [depth][2] words, as espdl_pack_3_s8() lays them down
 * @param weights   [channels / 8, rounded up][depth][8], and behind them two bytes, the low one first: how many
 *                  products may be added up, from the first one on, then again as many, and so on
 * @param channels  one record per channel
 * @param y         [count][p->channels], pixels p->pitch bytes apart
 * @param count     1 .. 3 pixels to store
 */
void espdl_dot_3x8_s8(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y, int32_t count);
