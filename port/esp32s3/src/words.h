/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Scheme affine: from sums in lanes of 40 bits to outputs, with one factor for all. A sum is 2^bits * H + L, an output
 * what (H * factor + L * (factor >> bits) + offset) >> (2 * bits + shift + 8) leaves, in the stages of requantise.h.
 *
 * The constants, as python/espdl/backends/esp32s3/words.py packs and proves them: vectors of what q7 holds, of the
 * highest bits of bytes, of 128 and the zero point of either operand, and of each number of requantise.h.
 */
#pragma once

#include "pie_words.h"
#include "requantise.h"

/** Lanes of q7, of int16; the last three are read as numbers. */
enum { MINUS_A_OFFSET = 0, MINUS_UNIT_OF_WORDS = 2, BITS = 4, SHIFT = 5, IS_SIGNED = 6 };

typedef struct {
    const int8_t *lanes, *signs, *a_offset, *b_offset, *numbers;
    int32_t bits, shift;
    bool is_signed;
} word_scales_t;

static inline word_scales_t make_word_scales(const int8_t *constants)
{
    const half_t *const lanes = (const half_t *)(const void *)constants;
    return (word_scales_t){constants,   constants + 16, constants + 32,        constants + 48, constants + 64,
                           lanes[BITS], lanes[SHIFT],   lanes[IS_SIGNED] != 0};
}

/** Register h, of H of 8 sums, becomes 256 times their outputs; l: L. q7 holds its lanes. Changes q4, q5, q6. */
EE void scale_words(int h, int l, const word_scales_t *s)
{
    const int8_t *k = ee_vld_128_ip(4, s->numbers, 16);
    scale_half(h, l, 4, 5, s->is_signed, k, s->bits, s->shift);
}
