/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "dot_3x8_s8.h"

#include <string.h>

#include "fast_scale.h"
#include "keep.h"

/* Sums begin with it in each word, so that nothing borrows from what lies above them. */
#define HALF ((uint32_t)1 << (ESPDL_SUM_BITS - 1))

enum { REST = 32 - ESPDL_SUM_BITS, CHANNELS = 8 };

/* Sums of a channel and three pixels. */
typedef struct {
    uint32_t first, second;
} words_t;

ESPDL_INLINE void add_product(uint32_t *sum, uint32_t pixels, int32_t weight)
{
    uint32_t product = pixels * (uint32_t)weight;
    ESPDL_KEEP_BOTH(product, *sum); /* where there are few registers, GCC moves less about */
    *sum += product;
    ESPDL_KEEP(*sum);
}

ESPDL_INLINE void add_products(words_t *words, uint32_t first, uint32_t second, int32_t weight)
{
    add_product(&words->first, first, weight);
    add_product(&words->second, second, weight);
}

/* Products from `pixels` to `end` of `width` channels, a constant: 8, or 4 of a block of 8. */
ESPDL_INLINE void sum_block(const uint32_t *pixels, const uint32_t *end, const int8_t *weights, int32_t width,
                            words_t *words)
{
    words_t w0 = {HALF, HALF}, w1 = w0, w2 = w0, w3 = w0, w4 = w0, w5 = w0, w6 = w0, w7 = w0;
#if defined(__GNUC__) && !defined(__XTENSA__) /* whose registers do not hold the sums, and less so of two rounds */
#pragma GCC unroll 2
#endif
    do {
        const uint32_t first = pixels[0], second = pixels[1];
        add_products(&w0, first, second, weights[0]);
        add_products(&w1, first, second, weights[1]);
        add_products(&w2, first, second, weights[2]);
        add_products(&w3, first, second, weights[3]);
        if (width > 4) {
            add_products(&w4, first, second, weights[4]);
            add_products(&w5, first, second, weights[5]);
            add_products(&w6, first, second, weights[6]);
            add_products(&w7, first, second, weights[7]);
        }
        pixels += 2;
        weights += CHANNELS;
    } while (pixels != end);
    words[0] = w0, words[1] = w1, words[2] = w2, words[3] = w3;
    if (width > 4) {
        words[4] = w4, words[5] = w5, words[6] = w6, words[7] = w7;
    }
}

ESPDL_APART void sum_8(const uint32_t *pixels, const uint32_t *end, const int8_t *weights, words_t *words)
{
    sum_block(pixels, end, weights, 8, words);
}

ESPDL_APART void sum_4(const uint32_t *pixels, const uint32_t *end, const int8_t *weights, words_t *words)
{
    sum_block(pixels, end, weights, 4, words);
}

/* The three sums of two words, of which the first two have HALF. */
ESPDL_INLINE void take_apart(const words_t *words, int32_t sums[3])
{
    const uint32_t mask = 2 * HALF - 1, low = words->first >> ESPDL_SUM_BITS;
    const uint32_t second = words->second - (low << (ESPDL_SUM_BITS - REST));
    sums[0] = (int32_t)(words->first & mask);
    sums[1] = (int32_t)(second & mask);
    sums[2] = (int32_t)((uint32_t)((int32_t)second >> ESPDL_SUM_BITS) << REST | low);
}

/* Adds those of `count` channels, without HALF, to `sums`. */
ESPDL_APART void add_sums(const words_t *words, int32_t count, int32_t *sums)
{
    for (; count > 0; count--, words++, sums += 3) {
        int32_t three[3];
        take_apart(words, three);
        sums[0] += three[0] - (int32_t)HALF;
        sums[1] += three[1] - (int32_t)HALF;
        sums[2] += three[2];
    }
}

/* `count` channels of the pixels at `y`, `y1` and `y2`; `former`, if not NULL, are sums to be added. */
ESPDL_APART void store(const words_t *words, const int32_t *former, const espdl_fast_channel_t *channels, int32_t count,
                       const espdl_clamp_t *common, int8_t *y, int8_t *y1, int8_t *y2)
{
    const espdl_clamp_t clamp = *common;
    for (const words_t *const end = words + count; words != end; words++, channels++) {
        int32_t sums[3], bias = channels->bias;
        take_apart(words, sums);
        sums[2] += bias;
        bias -= (int32_t)HALF;
        sums[0] += bias;
        sums[1] += bias;
        if (former != NULL) {
            sums[0] += former[0], sums[1] += former[1], sums[2] += former[2];
            former += 3;
        }
        espdl_scale_t scale = espdl_scale_of(channels);
        *y++ = (int8_t)espdl_fast_scale(sums[0], &scale, &clamp);
        *y1++ = (int8_t)espdl_fast_scale(sums[1], &scale, &clamp);
        *y2++ = (int8_t)espdl_fast_scale(sums[2], &scale, &clamp);
    }
}

void espdl_dot_3x8_s8(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y, int32_t count)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const uint8_t *const behind = (const uint8_t *)weights + ((p->channels + CHANNELS - 1) & -CHANNELS) * p->depth;
    const int32_t part = behind[0] | behind[1] << 8;
    int8_t *y1 = y + (count > 1 ? p->pitch : 0);
    int8_t *y2 = y1 + (count > 2 ? p->pitch : 0);
    for (int32_t left = p->channels; left > 0; left -= CHANNELS, channels += CHANNELS) {
        const int32_t some = left < CHANNELS ? left : CHANNELS;
        words_t words[CHANNELS];
        int32_t sums[3 * CHANNELS], *former = NULL;
        const uint32_t *from = pixels;
        for (int32_t depth = p->depth;; depth -= part) {
            const int32_t products = depth < part ? depth : part;
            if (some > 4) {
                sum_8(from, from + 2 * products, weights, words);
            } else {
                sum_4(from, from + 2 * products, weights, words);
            }
            weights += CHANNELS * products;
            if (depth <= part) {
                break;
            }
            if (former == NULL) {
                former = memset(sums, 0, sizeof sums);
            }
            add_sums(words, some, sums);
            from += 2 * products;
        }
        store(words, former, channels, some, &clamp, y, y1, y2);
        y += CHANNELS, y1 += CHANNELS, y2 += CHANNELS;
    }
}
