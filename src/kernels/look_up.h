/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Bytes replaced by what a table has for them.
 */
#pragma once

#include <stdint.h>

/** `count` values `step` apart. Loads before they are used, where a load takes a cycle more; `x` may be `y`. */
static inline void espdl_look_up(const uint8_t *x, const int8_t *table, int8_t *y, int32_t count, int32_t step)
{
    for (; count >= 4; count -= 4, x += 4 * step, y += 4 * step) {
        const uint8_t a = x[0], b = x[step], c = x[2 * step], d = x[3 * step];
        const int8_t at_a = table[a], at_b = table[b], at_c = table[c], at_d = table[d];
        y[0] = at_a;
        y[step] = at_b;
        y[2 * step] = at_c;
        y[3 * step] = at_d;
    }
    for (; count > 0; count--, x += step, y += step) {
        *y = table[*x];
    }
}
