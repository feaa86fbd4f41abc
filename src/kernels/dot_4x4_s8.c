/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "dot_4x4_s8.h"

#include "fast_scale.h"
#include "keep.h"

/* Added to each pair of products so that the low half never borrows from the high half. */
#define HALF ((uint32_t)0x8000)

/* Sums for two pixels and one channel: of the high halves, and of the whole words modulo 2^32. */
typedef struct {
    int32_t high;
    uint32_t words;
} sums_t;

ESPDL_INLINE void start(sums_t *pair_0, sums_t *pair_1, int32_t bias, uint32_t halves)
{
    pair_0->high = pair_1->high = bias;
    pair_0->words = pair_1->words = ((uint32_t)bias << 16) + (uint32_t)bias - halves;
}

ESPDL_INLINE void add_products(sums_t *sums, uint32_t pixels_0, uint32_t pixels_1, int32_t weight_0, int32_t weight_1,
                                uint32_t half)
{
    uint32_t products = pixels_0 * (uint32_t)weight_0 + pixels_1 * (uint32_t)weight_1 + half;
    sums->high += (int32_t)products >> 16;
    sums->words += products;
    ESPDL_KEEP(sums->words);
}

/* One channel of the pixels 0 .. 3. */
ESPDL_INLINE void store(const sums_t *pair_0, const sums_t *pair_1, const espdl_fast_channel_t *channel,
                        const espdl_clamp_t *clamp, int8_t *y0, int8_t *y1, int8_t *y2, int8_t *y3)
{
    espdl_scale_t scale = espdl_scale_of(channel);
    *y0 = (int8_t)espdl_fast_scale((int32_t)(pair_0->words - ((uint32_t)pair_0->high << 16)), &scale, clamp);
    *y1 = (int8_t)espdl_fast_scale(pair_0->high, &scale, clamp);
    *y2 = (int8_t)espdl_fast_scale((int32_t)(pair_1->words - ((uint32_t)pair_1->high << 16)), &scale, clamp);
    *y3 = (int8_t)espdl_fast_scale(pair_1->high, &scale, clamp);
}

/* Four channels, or as many as are left, of the pixels 0 .. 3. */
ESPDL_INLINE void run_block(const uint32_t *pixels, const uint32_t *end, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int32_t left, uint32_t halves,
                            const espdl_clamp_t *clamp, int8_t *y0, int8_t *y1, int8_t *y2, int8_t *y3)
{
    sums_t s00, s01, s02, s03, s10, s11, s12, s13;
    uint32_t half = HALF;
    ESPDL_KEEP(half);
    start(&s00, &s10, channels[0].bias, halves);
    start(&s01, &s11, channels[1].bias, halves);
    start(&s02, &s12, channels[2].bias, halves);
    start(&s03, &s13, channels[3].bias, halves);
    do {
        const uint32_t a0 = pixels[0], b0 = pixels[1], a1 = pixels[2], b1 = pixels[3];
        add_products(&s00, a0, a1, weights[0], weights[4], half);
        add_products(&s10, b0, b1, weights[0], weights[4], half);
        add_products(&s01, a0, a1, weights[1], weights[5], half);
        add_products(&s11, b0, b1, weights[1], weights[5], half);
        add_products(&s02, a0, a1, weights[2], weights[6], half);
        add_products(&s12, b0, b1, weights[2], weights[6], half);
        add_products(&s03, a0, a1, weights[3], weights[7], half);
        add_products(&s13, b0, b1, weights[3], weights[7], half);
        pixels += 4;
        weights += 8;
    } while (pixels != end);
    store(&s00, &s10, &channels[0], clamp, y0, y1, y2, y3);
    if (left > 1) {
        store(&s01, &s11, &channels[1], clamp, y0 + 1, y1 + 1, y2 + 1, y3 + 1);
    }
    if (left > 2) {
        store(&s02, &s12, &channels[2], clamp, y0 + 2, y1 + 2, y2 + 2, y3 + 2);
    }
    if (left > 3) {
        store(&s03, &s13, &channels[3], clamp, y0 + 3, y1 + 3, y2 + 3, y3 + 3);
    }
}

/* Adds products of two pixels and a channel to its sums. */
ESPDL_INLINE void add_sum(sums_t *sums, uint32_t products, uint32_t half)
{
    sums->words += products;
    ESPDL_KEEP(sums->words);
    products += half;
    sums->high += (int32_t)products >> 16;
    ESPDL_KEEP(sums->high);
}

/* Adds a value of two pairs of pixels times a weight. */
ESPDL_INLINE void add_product(uint32_t *sum_0, uint32_t *sum_1, uint32_t pair_0, uint32_t pair_1, int32_t weight)
{
    *sum_0 += pair_0 * (uint32_t)weight;
    ESPDL_KEEP(*sum_0);
    *sum_1 += pair_1 * (uint32_t)weight;
    ESPDL_KEEP(*sum_1);
}

/* Two products of a channel and four pixels, which are in registers. */
ESPDL_INLINE void add_two(sums_t *pair_0, sums_t *pair_1, uint32_t a0, uint32_t b0, uint32_t a1, uint32_t b1,
                          const int8_t *weights, uint32_t half)
{
    uint32_t sum_0 = 0, sum_1 = 0;
    add_product(&sum_0, &sum_1, a0, b0, weights[0]);
    add_product(&sum_0, &sum_1, a1, b1, weights[4]);
    add_sum(pair_0, sum_0, half);
    add_sum(pair_1, sum_1, half);
}

/* Four, of which the others are read again for each channel: registers are for the sums. */
ESPDL_INLINE void add_four(sums_t *pair_0, sums_t *pair_1, uint32_t a0, uint32_t b0, uint32_t a1, uint32_t b1,
                           const volatile uint32_t *pixels, const int8_t *weights, uint32_t half)
{
    uint32_t sum_0 = 0, sum_1 = 0;
    add_product(&sum_0, &sum_1, a0, b0, weights[0]);
    add_product(&sum_0, &sum_1, a1, b1, weights[4]);
    for (int32_t i = 2; i < 4; i++) {
        const int32_t weight = weights[4 * i];
        sum_0 += pixels[2 * i] * (uint32_t)weight;
        ESPDL_KEEP(sum_0);
        sum_1 += pixels[2 * i + 1] * (uint32_t)weight;
        ESPDL_KEEP(sum_1);
    }
    add_sum(pair_0, sum_0, half);
    add_sum(pair_1, sum_1, half);
}

ESPDL_INLINE void put(int32_t *sums, const sums_t *pair_0, const sums_t *pair_1)
{
    sums[0] = (int32_t)(pair_0->words - ((uint32_t)pair_0->high << 16));
    sums[1] = pair_0->high;
    sums[2] = (int32_t)(pair_1->words - ((uint32_t)pair_1->high << 16));
    sums[3] = pair_1->high;
}

/* The sums of four channels of the pixels 0 .. 3, in runs; returns the runs behind those of this block. */
ESPDL_APART const uint8_t *sum_in_runs(const uint32_t *pixels, const uint32_t *end, const int8_t *weights,
                                       const uint8_t *runs, const espdl_fast_channel_t *channels, int32_t sums[16])
{
    sums_t s00, s01, s02, s03, s10, s11, s12, s13;
    uint32_t half = HALF;
    ESPDL_KEEP(half);
    start(&s00, &s10, channels[0].bias, 0);
    start(&s01, &s11, channels[1].bias, 0);
    start(&s02, &s12, channels[2].bias, 0);
    start(&s03, &s13, channels[3].bias, 0);
    do {
        for (int32_t count = *runs++; count > 0; count--) {
            const uint32_t a0 = pixels[0], b0 = pixels[1], a1 = pixels[2], b1 = pixels[3];
            add_four(&s00, &s10, a0, b0, a1, b1, pixels, weights + 0, half);
            add_four(&s01, &s11, a0, b0, a1, b1, pixels, weights + 1, half);
            add_four(&s02, &s12, a0, b0, a1, b1, pixels, weights + 2, half);
            add_four(&s03, &s13, a0, b0, a1, b1, pixels, weights + 3, half);
            pixels += 8;
            weights += 16;
        }
        for (int32_t count = *runs++; count > 0; count--) {
            const uint32_t a0 = pixels[0], b0 = pixels[1], a1 = pixels[2], b1 = pixels[3];
            add_two(&s00, &s10, a0, b0, a1, b1, weights + 0, half);
            add_two(&s01, &s11, a0, b0, a1, b1, weights + 1, half);
            add_two(&s02, &s12, a0, b0, a1, b1, weights + 2, half);
            add_two(&s03, &s13, a0, b0, a1, b1, weights + 3, half);
            pixels += 4;
            weights += 8;
        }
    } while (pixels != end);
    put(sums, &s00, &s10);
    put(sums + 4, &s01, &s11);
    put(sums + 8, &s02, &s12);
    put(sums + 12, &s03, &s13);
    return runs;
}

/* All channels of the pixels 0 .. 3, each sum in runs. */
ESPDL_APART void run_in_runs(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights, const uint8_t *runs,
                             const espdl_fast_channel_t *channels, int8_t *y, int32_t count)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const uint32_t *end = pixels + 2 * p->depth;
    int8_t *y1 = y + (count > 1 ? p->pitch : 0);
    int8_t *y2 = y1 + (count > 2 ? p->pitch : 0);
    int8_t *y3 = y2 + (count > 3 ? p->pitch : 0);
    for (int32_t left = p->channels; left > 0; left -= 4, weights += 4 * p->depth) {
        int32_t sums[16];
        runs = sum_in_runs(pixels, end, weights, runs, channels, sums);
        const int32_t *sum = sums;
        for (int32_t i = left < 4 ? left : 4; i > 0; i--, sum += 4, channels++) {
            espdl_scale_t scale = espdl_scale_of(channels);
            *y++ = (int8_t)espdl_fast_scale(sum[0], &scale, &clamp);
            *y1++ = (int8_t)espdl_fast_scale(sum[1], &scale, &clamp);
            *y2++ = (int8_t)espdl_fast_scale(sum[2], &scale, &clamp);
            *y3++ = (int8_t)espdl_fast_scale(sum[3], &scale, &clamp);
        }
    }
}

/* The same, where no more than two products are added up. */
ESPDL_APART void run_in_twos(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights,
                             const espdl_fast_channel_t *channels, int8_t *y, int32_t count)
{
    const uint32_t *end = pixels + 2 * p->depth;
    const uint32_t halves = (uint32_t)p->depth / 2 * HALF;
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    int8_t *y1 = y + (count > 1 ? p->pitch : 0);
    int8_t *y2 = y1 + (count > 2 ? p->pitch : 0);
    int8_t *y3 = y2 + (count > 3 ? p->pitch : 0);
    for (int32_t left = p->channels; left > 0; left -= 4, channels += 4) {
        run_block(pixels, end, weights, channels, left, halves, &clamp, y, y1, y2, y3);
        weights += 4 * p->depth;
        y += 4, y1 += 4, y2 += 4, y3 += 4;
    }
}

void espdl_dot_4x4_s8(const espdl_dot_t *p, const uint32_t *pixels, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y, int32_t count)
{
    const uint8_t *runs = (const uint8_t *)weights + ((p->channels + 3) & ~3) * p->depth;
    if (*runs) {
        run_in_runs(p, pixels, weights, runs + 1, channels, y, count);
    } else {
        run_in_twos(p, pixels, weights, channels, y, count);
    }
}
