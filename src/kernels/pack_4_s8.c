/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pack_4_s8.h"

#include "keep.h"

ESPDL_INLINE uint32_t pair(int8_t low, int8_t high)
{
    return ((uint32_t)high << 16) + (uint32_t)low;
}

uint32_t *espdl_pack_4_s8(const int8_t *const pixels[4], int32_t count, uint32_t *packed)
{
    const int8_t *a = pixels[0], *b = pixels[1], *c = pixels[2], *d = pixels[3];
    for (; count >= 4; count -= 4) {
        packed[0] = pair(a[0], b[0]);
        packed[1] = pair(c[0], d[0]);
        packed[2] = pair(a[1], b[1]);
        packed[3] = pair(c[1], d[1]);
        packed[4] = pair(a[2], b[2]);
        packed[5] = pair(c[2], d[2]);
        packed[6] = pair(a[3], b[3]);
        packed[7] = pair(c[3], d[3]);
        a += 4, b += 4, c += 4, d += 4;
        packed += 8;
    }
    for (; count > 0; count--) {
        *packed++ = pair(*a++, *b++);
        *packed++ = pair(*c++, *d++);
    }
    return packed;
}
