/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Bytes with their highest bit inverted, as kernels of several backends need it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ESPDL_SIGNS 0x80808080u

/* Pictures are large, and their rows nearly always words. */
static inline int32_t espdl_flip_words(const uint32_t *x, int32_t count, uint32_t *y)
{
    const uint32_t *const start = y;
    for (; count >= 16; count -= 16, x += 4, y += 4) {
        const uint32_t a = x[0], b = x[1], c = x[2], d = x[3];
        y[0] = a ^ ESPDL_SIGNS, y[1] = b ^ ESPDL_SIGNS, y[2] = c ^ ESPDL_SIGNS, y[3] = d ^ ESPDL_SIGNS;
    }
    return (int32_t)(y - start) * 4;
}

/** y = x with the highest bit of every byte inverted. x may be y. */
static inline void espdl_flip_signs(const void *x, int32_t count, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    const bool is_words = (((uintptr_t)x | (uintptr_t)y) & 3u) == 0;
    for (int32_t i = is_words ? espdl_flip_words(x, count, y) : 0; i < count; i++) {
        to[i] = from[i] ^ 0x80u;
    }
}
