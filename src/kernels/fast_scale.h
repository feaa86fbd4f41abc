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

/** The high 32 bits of a product. Kept apart, or GCC widens the factors early and needs three multiplications. */
ESPDL_INLINE int32_t espdl_multiply_high(int32_t a, int32_t b)
{
    ESPDL_KEEP(a);
    ESPDL_KEEP(b);
    return (int32_t)(((int64_t)a * b) >> 32);
}

/** One output, from clamp->min to clamp->max; `multiplier`, `offset` and `shift` are the channel's, `acc` its sum. */
ESPDL_INLINE int32_t espdl_fast_scale(int32_t acc, int32_t multiplier, int32_t offset, int32_t shift,
                                      const espdl_clamp_t *clamp)
{
    if (acc <= 0 && clamp->is_relu) {
        return clamp->min;
    }
    int32_t scaled = espdl_multiply_high((int32_t)((uint32_t)acc << 2), multiplier);
    if (acc <= 0) {
        scaled += clamp->negative_fix;
    }
    scaled = (scaled + offset) >> shift;
    if (scaled < clamp->min) {
        scaled = clamp->min;
    }
    if (scaled > clamp->max) {
        scaled = clamp->max;
    }
    return scaled;
}
