/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "dot_3x8_s8.h"
#include "keep.h"

/** Two words of three pixels. */
ESPDL_INLINE void espdl_pack_3(int32_t a, int32_t b, int32_t c, uint32_t packed[2])
{
    packed[0] = (uint32_t)a + ((uint32_t)c << ESPDL_SUM_BITS);
    packed[1] = (uint32_t)b + ((uint32_t)c << (2 * ESPDL_SUM_BITS - 32));
}

/**
 * Lays `count` values of three pixels down as dot_3x8_s8.h reads them.
 *
 * @param pixels  where the pixels begin; a pixel may occur twice
 * @param packed  [count][2] words
 * @return        behind the last word
 */
uint32_t *espdl_pack_3_s8(const int8_t *const pixels[3], int32_t count, uint32_t *packed);
