/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The high half of a product of 32 bits, also for cores without an instruction for it (ESPDL_WITHOUT_HIGH_PRODUCT): the
 * core on which instructions for Xtensa are counted has none, all ESP32 chips have.
 */
#pragma once

#include <stdint.h>

/** The high 32 bits of value * (high * 2^16 + low), 0 <= low < 2^16. */
static inline int32_t espdl_high_product_in_parts(int32_t value, int32_t high, int32_t low)
{
    const int32_t above = value >> 16, below = value & 0xFFFF;
    const int32_t middle = above * low + (int32_t)((uint32_t)below * (uint32_t)low >> 16);
    return above * high + (middle >> 16) + (((middle & 0xFFFF) + below * high) >> 16);
}

/** The high 32 bits of a * b. */
static inline int32_t espdl_high_product(int32_t a, int32_t b)
{
#if defined(ESPDL_WITHOUT_HIGH_PRODUCT)
    return espdl_high_product_in_parts(a, b >> 16, b & 0xFFFF);
#else
    return (int32_t)(((int64_t)a * b) >> 32);
#endif
}

/** a * b. */
static inline int64_t espdl_wide_product(int32_t a, int32_t b)
{
#if defined(ESPDL_WITHOUT_HIGH_PRODUCT)
    return (int64_t)((uint64_t)(uint32_t)espdl_high_product(a, b) << 32 | (uint32_t)a * (uint32_t)b);
#else
    return (int64_t)a * b;
#endif
}
