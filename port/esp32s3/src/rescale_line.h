/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "finish.h"
#include "pie_rescale.h"

/** One element of pie_rescale() in scalar code. All sums fit 32 bits. */
static inline int8_t rescale_value(int32_t value, int32_t low, int32_t high, int32_t start, int32_t shift)
{
    const int32_t scaled = (((value * low) >> PIE_LOW_BITS) + value * high + start) >> (shift < 31 ? shift : 31) >> 8;
    return (int8_t)(scaled < -128 ? -128 : scaled > 127 ? 127 : scaled);
}
