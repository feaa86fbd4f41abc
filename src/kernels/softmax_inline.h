/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The definition of softmax in int8: what exponentials are, and what those of a row are multiplied by.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/softmax.h"
#include "high_product.h"

/** An exponential of the table is what sums are made of; its high bits are a factor of an output. */
#define ESPDL_SOFTMAX_LOW_BITS 6

/** The greatest shift: 2^15 * 2^15 >> 22 reaches all 8 bits of an output. */
#define ESPDL_SOFTMAX_MAX_SHIFT 22

/** What a sum of so many exponentials begins with: each has half a unit of its high bits more, which rounds these. */
static inline uint32_t espdl_softmax_start(int32_t length)
{
    return 0U - ((uint32_t)length << (ESPDL_SOFTMAX_LOW_BITS - 1));
}

/** The high bits of a row's exponentials become outputs by factor * 2^-shift; 0 < factor < 2^15, 18 <= shift <= 22. */
typedef struct {
    int32_t factor;
    int32_t shift;
} espdl_softmax_scale_t;

static inline espdl_softmax_scale_t espdl_softmax_scale(const espdl_softmax_params_t *p, uint32_t sum)
{
    uint32_t whole = (uint32_t)espdl_high_product((int32_t)(sum >> 1), p->output_scale);
    int32_t shift = p->output_shift;
    for (; shift < ESPDL_SOFTMAX_MAX_SHIFT && whole >= UINT32_C(1) << 17; shift++) {
        whole >>= 1;
    }
    /* 17 bits, or more where no shift is left. */
    const uint32_t factor = ((UINT32_C(1) << 31) + whole / 2) / whole;
    return (espdl_softmax_scale_t){factor > INT16_MAX ? INT16_MAX : (int32_t)factor, shift};
}
