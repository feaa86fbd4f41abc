/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "keep.h"

/** A word of two pixels. */
ESPDL_INLINE uint32_t espdl_pack_pair(int8_t low, int8_t high)
{
    return ((uint32_t)high << 16) + (uint32_t)low;
}

/**
 * Lays `count` values of four pixels down as dot_4x4_s8.h reads them.
 *
 * @param pixels  where the pixels begin; a pixel may occur twice
 * @param packed  [count][2] words: (pixel 1 << 16) + pixel 0, (pixel 3 << 16) + pixel 2
 * @return        behind the last word
 */
uint32_t *espdl_pack_4_s8(const int8_t *const pixels[4], int32_t count, uint32_t *packed);
