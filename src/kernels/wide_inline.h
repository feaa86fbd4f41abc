/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * From 64-bit sums to int16. Right shifts of negative numbers are arithmetic on every compiler this library supports.
 */
#pragma once

#include <stdint.h>

/** value * multiplier * 2^-shift, ties towards plus infinity, clamped; the product fits 63 bits, 1 <= shift <= 62. */
static inline int16_t espdl_scale_s16(int64_t value, int32_t multiplier, int32_t shift, int32_t low, int32_t high)
{
    const int64_t scaled = (value * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
    if (scaled < low) {
        return (int16_t)low;
    }
    return (int16_t)(scaled > high ? high : scaled);
}

/** The same without the clamp for shifts of 32 and more, `beyond` 32 by so much: the high word says it all. */
static inline int32_t espdl_scale_s16_high(int32_t value, int32_t multiplier, int32_t beyond, int64_t half)
{
    return (int32_t)(((int64_t)value * multiplier + half) >> 32) >> beyond;
}
