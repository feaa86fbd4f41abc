/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Requantisation by `espdl_fast_channel_t`: equal to requantize_inline.h in the range that the record promises.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"
#include "keep.h"

/** What all outputs of a layer have in common. */
typedef struct {
    int32_t min, max;
    int32_t is_relu;         /* nothing below zero survives: sums that are not positive give `min` at once */
    int32_t negative_fix;    /* TFLITE rounds ties away from zero: -2, in units of half a step before the shift */
} espdl_clamp_t;

ESPDL_INLINE espdl_clamp_t espdl_clamp_of(int32_t min, int32_t max, int32_t zero_point, espdl_rounding_t rounding)
{
    espdl_clamp_t clamp = {min, max, min == zero_point, rounding == ESPDL_ROUND_TFLITE ? -2 : 0};
    return clamp;
}

/** A channel's record without its bias, in registers. */
typedef struct {
    int32_t multiplier, offset, shift;
} espdl_scale_t;

ESPDL_INLINE espdl_scale_t espdl_scale_of(const espdl_fast_channel_t *channel)
{
    espdl_scale_t scale = {channel->multiplier, channel->offset, channel->shift};
    return scale;
}

/** The high 32 bits of a product. Both factors are kept, or GCC widens them early and needs three multiplications. */
ESPDL_INLINE int32_t espdl_multiply_high(int32_t a, int32_t *b)
{
    ESPDL_KEEP(a);
    ESPDL_KEEP(*b);
    return (int32_t)(((int64_t)a * *b) >> 32);
}

/** One output of the sum `acc` / 2^(2 - `up`), which four times fits 32 bits; `up`, 0 or 2, is a constant. */
ESPDL_INLINE int32_t espdl_fast_scale_up(int32_t acc, int32_t up, espdl_scale_t *scale, const espdl_clamp_t *clamp)
{
    int32_t scaled;
    /* Sums on one side of 0 give outputs on one side of the zero point, which lies between min and max. What is kept is
     * in branches that are seldom taken: GCC would move both values about in every case. */
    if (acc > 0) {
        scaled = espdl_multiply_high((int32_t)((uint32_t)acc << up), &scale->multiplier);
        scaled = (scaled + scale->offset) >> scale->shift;
        if (scaled > clamp->max) {
            scaled = clamp->max;
            ESPDL_KEEP(scaled);
        }
        return scaled;
    }
    if (clamp->is_relu) {
        scaled = clamp->min;
        ESPDL_KEEP(scaled);
        return scaled;
    }
    scaled = espdl_multiply_high((int32_t)((uint32_t)acc << up), &scale->multiplier);
    scaled = (scaled + clamp->negative_fix + scale->offset) >> scale->shift;
    if (scaled < clamp->min) {
        scaled = clamp->min;
        ESPDL_KEEP(scaled);
    }
    return scaled;
}

/** One output, from clamp->min to clamp->max; `acc` is the channel's sum with bias. */
ESPDL_INLINE int32_t espdl_fast_scale(int32_t acc, espdl_scale_t *scale, const espdl_clamp_t *clamp)
{
    return espdl_fast_scale_up(acc, 2, scale, clamp);
}

/** The same of four times the sum. */
ESPDL_INLINE int32_t espdl_fast_scale_4(int32_t four_acc, espdl_scale_t *scale, const espdl_clamp_t *clamp)
{
    return espdl_fast_scale_up(four_acc, 0, scale, clamp);
}
