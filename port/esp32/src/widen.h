/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * From bytes to the 16 bits that MAC16 multiplies.
 *
 * Four bytes of a word become two words in two steps each: bytes 0 and 2, then 1 and 3. So values lie in the order 0, 2, 1, 3
 * within each four; who multiplies them with values in another order packs those likewise.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "espdl/esp32/emulation.h"

#include "../../../src/kernels/keep.h"

/** Functions that are worth a call: inlined, they would take their caller's registers. */
#define KEEP_APART __attribute__((noinline, unused))

/** In each byte: what makes -128 .. 127 0 .. 255. */
#define WIDEN_FLIP 0x80808080u
#define WIDEN_MASK 0x00FF00FFu
#define UPPER_BYTES 0xFF00FF00u
/** Both halves of packed weights are that much too large. */
#define WIDEN_WEIGHT 0x007F007Fu

/* The chip faults at addresses that are no multiples of 4. */
#if defined(__XTENSA__)
#define COUNT_MISALIGNED(p) ((void)0)
#else
#define COUNT_MISALIGNED(p) ((void)(espdl_mac16_misaligned += ((uintptr_t)(p) & 3) != 0))
#endif

/** The word at `p`, a multiple of 4. */
ESPDL_INLINE uint32_t load_word(const void *p)
{
    COUNT_MISALIGNED(p);
    uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(p, 4), 4);
    return word;
}

ESPDL_INLINE void store_word(void *p, uint32_t word)
{
    COUNT_MISALIGNED(p);
    __builtin_memcpy(__builtin_assume_aligned(p, 4), &word, 4);
}

/** Four values at `x` as 0 .. 255. */
ESPDL_INLINE void widen_four(int16_t *to, const int8_t *x)
{
    const uint32_t word = load_word(x) ^ WIDEN_FLIP;
    store_word(to, word & WIDEN_MASK);
    store_word(to + 2, (word >> 8) & WIDEN_MASK);
}

/** Four packed weights. */
ESPDL_INLINE void widen_four_weights(int16_t *to, const int8_t *w)
{
    const uint32_t word = load_word(w);
    store_word(to, (word & WIDEN_MASK) - WIDEN_WEIGHT);
    store_word(to + 2, ((word >> 8) & WIDEN_MASK) - WIDEN_WEIGHT);
}

/** `count` values at `x` as 0 .. 255; a multiple of 4, and `x` at one. */
static KEEP_APART void widen(int16_t *to, const int8_t *x, int32_t count)
{
    for (; count >= 8; count -= 8, to += 8, x += 8) {
        widen_four(to, x);
        widen_four(to + 4, x + 4);
    }
    if (count > 0) {
        widen_four(to, x);
    }
}

/** The same of packed weights. */
static KEEP_APART void widen_weights(int16_t *to, const int8_t *w, int32_t count)
{
    for (; count >= 8; count -= 8, to += 8, w += 8) {
        widen_four_weights(to, w);
        widen_four_weights(to + 4, w + 4);
    }
    if (count > 0) {
        widen_four_weights(to, w);
    }
}

/** `count` values at `x` as 0 .. 255 in their own order, wherever they lie. */
static KEEP_APART void widen_bytes(int16_t *to, const int8_t *x, int32_t count)
{
    for (; count > 0; count--) {
        *to++ = (int16_t)((uint8_t)*x++ ^ 0x80);
    }
}

/** `count` values of 16 bits, in words where both addresses allow it. */
static KEEP_APART void copy_halves(int16_t *to, const int16_t *x, int32_t count)
{
    if ((((uintptr_t)to | (uintptr_t)x) & 3) == 0) {
        for (; count >= 8; count -= 8, to += 8, x += 8) {
            const uint32_t first = load_word(x), second = load_word(x + 2), third = load_word(x + 4);
            store_word(to, first);
            store_word(to + 2, second);
            store_word(to + 4, third);
            store_word(to + 6, load_word(x + 6));
        }
        for (; count >= 2; count -= 2, to += 2, x += 2) {
            store_word(to, load_word(x));
        }
    }
    for (; count > 0; count--) {
        *to++ = *x++;
    }
}
