/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/flip_sign.h"

#include <stdbool.h>

#define SIGNS 0x80808080u

/* Pictures are large, and their rows nearly always words. */
static int32_t flip_words(const uint32_t *x, int32_t count, uint32_t *y)
{
    const uint32_t *const start = y;
    for (; count >= 16; count -= 16, x += 4, y += 4) {
        const uint32_t a = x[0], b = x[1], c = x[2], d = x[3];
        y[0] = a ^ SIGNS, y[1] = b ^ SIGNS, y[2] = c ^ SIGNS, y[3] = d ^ SIGNS;
    }
    return (int32_t)(y - start) * 4;
}

void espdl_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    const bool is_words = (((uintptr_t)x | (uintptr_t)y) & 3u) == 0;
    for (int32_t i = is_words ? flip_words(x, p->count, y) : 0; i < p->count; i++) {
        to[i] = from[i] ^ 0x80u;
    }
}
