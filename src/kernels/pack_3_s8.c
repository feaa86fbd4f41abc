/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "pack_3_s8.h"

uint32_t *espdl_pack_3_s8(const int8_t *const pixels[3], int32_t count, uint32_t *packed)
{
    const int8_t *a = pixels[0], *b = pixels[1], *c = pixels[2];
    for (; count >= 4; count -= 4) {
        espdl_pack_3(a[0], b[0], c[0], packed);
        espdl_pack_3(a[1], b[1], c[1], packed + 2);
        espdl_pack_3(a[2], b[2], c[2], packed + 4);
        espdl_pack_3(a[3], b[3], c[3], packed + 6);
        a += 4, b += 4, c += 4;
        packed += 8;
    }
    for (; count > 0; count--) {
        espdl_pack_3(*a++, *b++, *c++, packed);
        packed += 2;
    }
    return packed;
}
