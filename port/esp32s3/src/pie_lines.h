/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Moves of lines that may be no whole vectors: 16, 8 or 4 bytes at once, as all sizes and addresses are multiples of.
 */
#pragma once

#include "finish.h"

/** `count` pieces of 8 bytes, `step` bytes apart, to `y`, one behind the other; all multiples of 8. Changes q0. */
EE void pie_gather_8(const int8_t *x, int8_t *y, int32_t count, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.l.64.xp q0,%0,%3\n"
           "ee.vst.l.64.ip q0,%1,8\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count), "r"(step));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_l_64_xp(0, x, step);
        y = ee_vst_l_64_ip(0, y, 8);
    }
#endif
}

/** How many bytes are moved at once, where `sizes` is the disjunction of sizes and addresses: 16, 8, 4 or 1. */
static inline int32_t unit_of(uintptr_t sizes)
{
    return (sizes & 15) == 0 ? 16 : (sizes & 7) == 0 ? 8 : (sizes & 3) == 0 ? 4 : 1;
}

/** A line of `bytes`; `y` may lie in front of `x` and overlap it. */
EE void move_line(const int8_t *x, int8_t *y, int32_t bytes, int32_t unit)
{
    if (unit == 16) {
        pie_gather(x, y, bytes / 16, 16);
    } else if (unit == 8) {
        pie_gather_8(x, y, bytes / 8, 8);
    } else if (unit == 4) {
        const word_t *from = (const word_t *)(const void *)x;
        for (word_t *to = (word_t *)(void *)y, *const end = to + bytes / 4; to != end; to++, from++) {
            *to = *from;
        }
    } else {
        memmove(y, x, (size_t)bytes);
    }
}
