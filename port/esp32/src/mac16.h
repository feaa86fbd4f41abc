/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Inner loops on the ESP32's multiplier-accumulator (Xtensa's option MAC16) and in hardware loops.
 *
 * Each is one asm block, and on other machines the same instructions, one by one, in C (mac16_emulation.h).
 * A block begins and ends with nothing in the accumulator and in m0 .. m3: no value of one block is of use to another.
 *
 * - ACC has 40 bits; m0 .. m3 have two halves of 16 bits. A product is of halves, signed, and added to ACC.
 * - `.ldinc`: adds 4 to an address and loads m from there. So addresses begin a word early, and the last loads of a loop
 *   fetch a word behind what is computed with. All addresses are multiples of 4.
 */
#pragma once

#include <stdint.h>

#if defined(__XTENSA__)

#define MAC16 static inline __attribute__((always_inline))
/* GCC knows the accumulator, and may use it for products of its own. */
#define MAC16_ASM(...) __asm__ volatile(__VA_ARGS__ : "memory", "acc")

#else

#include "mac16_emulation.h"

#endif

/**
 * start + the sum of 4 * blocks products of x and w, modulo 2^32.
 * @param x, w    one word in front of the first values; a word behind the last ones is read as well
 * @param blocks  1 or more
 */
MAC16 int32_t mac16_dot(const int16_t *x, const int16_t *w, int32_t blocks, int32_t start)
{
    int32_t sum;
#if defined(__XTENSA__)
    MAC16_ASM("wsr.acclo %4\n"
              "ldinc m0,%1\n"
              "ldinc m2,%2\n"
              "loop %3,1f\n"
              "mula.dd.ll.ldinc m1,%1,m0,m2\n"
              "mula.dd.hh.ldinc m3,%2,m0,m2\n"
              "mula.dd.ll.ldinc m0,%1,m1,m3\n"
              "mula.dd.hh.ldinc m2,%2,m1,m3\n"
              "1:\n"
              "rsr.acclo %0\n"
              : "=r"(sum), "+r"(x), "+r"(w)
              : "r"(blocks), "r"(start));
#else
    mac16_t m = mac16_begin(start);
    mac16_ldinc(&m, 0, &x);
    mac16_ldinc(&m, 2, &w);
    MAC16_LOOP(blocks)
    {
        mac16_mula_ll_ldinc(&m, 1, &x, 0, 2);
        mac16_mula_hh_ldinc(&m, 3, &w, 0, 2);
        mac16_mula_ll_ldinc(&m, 0, &x, 1, 3);
        mac16_mula_hh_ldinc(&m, 2, &w, 1, 3);
    }
    sum = mac16_acclo(&m);
#endif
    return sum;
}
