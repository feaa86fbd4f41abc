/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The definitions of requantisation. Every kernel that is fast in another way must give exactly these values.
 * Right shifts of negative numbers are arithmetic on every compiler this library supports.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/requantize.h"

static inline int32_t espdl_clamp(int32_t value, int32_t low, int32_t high)
{
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

/** TFLite: saturating left shift, doubling high multiply rounded half up, right shift rounded half away from zero. */
static inline int32_t espdl_requantize_tflite(int32_t acc, int32_t multiplier, int32_t shift)
{
    int64_t wide = acc;
    if (shift < 0) {
        wide *= (int64_t)1 << -shift;
        wide = wide < INT32_MIN ? INT32_MIN : wide;
        wide = wide > INT32_MAX ? INT32_MAX : wide;
        shift = 0;
    }
    int32_t high = (int32_t)((wide * multiplier + ((int64_t)1 << 30)) >> 31);
    int32_t mask = (int32_t)(((uint32_t)1 << shift) - 1);
    int32_t threshold = (mask >> 1) + (high < 0);
    return (high >> shift) + ((high & mask) > threshold);
}

/** acc * 2^-shift, ties towards plus infinity; 0 <= shift <= 31. */
static inline int32_t espdl_shift_half_up(int32_t acc, int32_t shift)
{
    return shift == 0 ? acc : (acc >> shift) + ((acc >> (shift - 1)) & 1);
}

/** acc * 2^-shift, ties to even; 0 <= shift <= 31. */
static inline int32_t espdl_shift_half_even(int32_t acc, int32_t shift)
{
    if (shift == 0) {
        return acc;
    }
    int32_t floor = acc >> shift;
    uint32_t remainder = (uint32_t)acc & (((uint32_t)1 << shift) - 1);
    uint32_t half = (uint32_t)1 << (shift - 1);
    return floor + (remainder > half || (remainder == half && (floor & 1)));
}

static inline int32_t espdl_requantize(int32_t acc, int32_t multiplier, int32_t shift, espdl_rounding_t rounding)
{
    if (rounding == ESPDL_ROUND_TFLITE) {
        return espdl_requantize_tflite(acc, multiplier, shift);
    }
    return rounding == ESPDL_ROUND_HALF_UP ? espdl_shift_half_up(acc, shift) : espdl_shift_half_even(acc, shift);
}

/** value + zero_point, clamped. Saturated first where the sum could leave int32. */
static inline int8_t espdl_to_int8(int32_t value, int32_t zero_point, int32_t low, int32_t high)
{
    return (int8_t)(espdl_clamp(value, low - zero_point, high - zero_point) + zero_point);
}
