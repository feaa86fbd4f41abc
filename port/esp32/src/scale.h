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
#include "../../../src/kernels/high_product.h"

/** A channel's record without its bias; the multiplier also in two halves. */
typedef struct {
    espdl_scale_t scale;
    int32_t high, low;
} channel_scale_t;

ESPDL_INLINE channel_scale_t channel_scale(const espdl_fast_channel_t *c)
{
    return (channel_scale_t){espdl_scale_of(c), c->multiplier >> 16, c->multiplier & 0xFFFF};
}

/** The high 32 bits of value * multiplier. */
ESPDL_INLINE int32_t scale_high(int32_t value, channel_scale_t *c)
{
#if defined(ESPDL_WITHOUT_HIGH_PRODUCT)
    return espdl_high_product_in_parts(value, c->high, c->low);
#else
    return espdl_multiply_high(value, &c->scale.multiplier);
#endif
}

/** To a clamped result; what is kept in branches GCC would compute in every case. */
ESPDL_INLINE int32_t scale_clamped(int32_t scaled, const channel_scale_t *c, const espdl_clamp_t *clamp, int32_t relu)
{
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

/** espdl_fast_scale(), `relu` being clamp->is_relu as a constant. */
ESPDL_INLINE int32_t scale_sum(int32_t acc, channel_scale_t *c, const espdl_clamp_t *clamp, int32_t relu)
{
    if (relu && acc <= 0) {
        int32_t least = clamp->min;
        ESPDL_KEEP(least);
        return least;
    }
    ESPDL_KEEP(acc);
    int32_t scaled = scale_high((int32_t)((uint32_t)acc << 2), c);
    if (!relu && acc <= 0) {
        scaled += clamp->negative_fix;
        ESPDL_KEEP(scaled);
    }
    return scale_clamped(scaled, c, clamp, relu);
}

/** A sum of products of 16 and 8 bits, whatever it is; ties towards plus infinity. */
ESPDL_INLINE int32_t scale_wide_sum(int32_t acc, channel_scale_t *c, const espdl_clamp_t *clamp, int32_t relu)
{
    if (relu && acc <= 0) {
        int32_t least = clamp->min;
        ESPDL_KEEP(least);
        return least;
    }
    ESPDL_KEEP(acc);
    return scale_clamped(scale_high(acc, c), c, clamp, relu);
}
