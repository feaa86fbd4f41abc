/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pack_4_s8.h"

uint32_t *espdl_pack_4_s8(const int8_t *const pixels[4], int32_t count, uint32_t *packed)
{
    const int8_t *a = pixels[0], *b = pixels[1], *c = pixels[2], *d = pixels[3];
    for (; count >= 4; count -= 4) {
        packed[0] = espdl_pack_pair(a[0], b[0]);
        packed[1] = espdl_pack_pair(c[0], d[0]);
        packed[2] = espdl_pack_pair(a[1], b[1]);
        packed[3] = espdl_pack_pair(c[1], d[1]);
        packed[4] = espdl_pack_pair(a[2], b[2]);
        packed[5] = espdl_pack_pair(c[2], d[2]);
        packed[6] = espdl_pack_pair(a[3], b[3]);
        packed[7] = espdl_pack_pair(c[3], d[3]);
        a += 4, b += 4, c += 4, d += 4;
        packed += 8;
    }
    if (count & 2) {
        packed[0] = espdl_pack_pair(a[0], b[0]);
        packed[1] = espdl_pack_pair(c[0], d[0]);
        packed[2] = espdl_pack_pair(a[1], b[1]);
        packed[3] = espdl_pack_pair(c[1], d[1]);
        a += 2, b += 2, c += 2, d += 2;
        packed += 4;
    }
    if (count & 1) {
        packed[0] = espdl_pack_pair(*a, *b);
        packed[1] = espdl_pack_pair(*c, *d);
        packed += 2;
    }
    return packed;
}
