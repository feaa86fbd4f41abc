/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Requantisation as src/kernels/fast_scale.h has it, also for cores without an instruction for the high half of a product
 * (ESPDL_WITHOUT_HIGH_PRODUCT): the ESP32 has MULSH, the core on which instructions are counted has not.
 */
#pragma once

#include "../../../src/kernels/fast_scale.h"

/** A channel's record without its bias; the multiplier also in two halves. */
typedef struct {
    espdl_scale_t scale;
    int32_t high, low;
} channel_scale_t;

ESPDL_INLINE channel_scale_t channel_scale(const espdl_fast_channel_t *c)
{
    return (channel_scale_t){espdl_scale_of(c), c->multiplier >> 16, c->multiplier & 0xFFFF};
}

/** The high 32 bits of 4 * acc * (high * 2^16 + low), for |acc| < 2^29 and 0 <= high < 2^15. */
ESPDL_INLINE int32_t multiply_high_in_parts(int32_t acc, int32_t high, int32_t low)
{
    const int32_t above = acc >> 14, below = (int32_t)((uint32_t)acc << 2 & 0xFFFF);
    const int32_t middle = above * low + (int32_t)((uint32_t)below * (uint32_t)low >> 16);
    return above * high + (middle >> 16) + (((middle & 0xFFFF) + below * high) >> 16);
}

/** espdl_fast_scale(), `relu` being clamp->is_relu as a constant; what is kept in branches GCC would compute in every case. */
ESPDL_INLINE int32_t scale_sum(int32_t acc, channel_scale_t *c, const espdl_clamp_t *clamp, int32_t relu)
{
    int32_t scaled;
    if (relu && acc <= 0) {
        scaled = clamp->min;
        ESPDL_KEEP(scaled);
        return scaled;
    }
    ESPDL_KEEP(acc);
#if defined(ESPDL_WITHOUT_HIGH_PRODUCT)
    scaled = multiply_high_in_parts(acc, c->high, c->low);
#else
    scaled = espdl_multiply_high((int32_t)((uint32_t)acc << 2), &c->scale.multiplier);
#endif
    if (!relu && acc <= 0) {
        scaled += clamp->negative_fix;
        ESPDL_KEEP(scaled);
    }
    scaled = (scaled + c->scale.offset) >> c->scale.shift;
    if (!relu && scaled < clamp->min) {
        scaled = clamp->min;
        ESPDL_KEEP(scaled);
    }
    if (scaled > clamp->max) {
        scaled = clamp->max;
        ESPDL_KEEP(scaled);
    }
    return scaled;
}
