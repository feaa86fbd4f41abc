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

/**
 * start + the sum of `taps` products of the low halves of words at x and w, modulo 2^32.
 * @param x, w  one word in front of the first values; a word behind the last ones is read as well
 * @param taps  1 or more
 */
MAC16 int32_t mac16_dot_low(const int16_t *x, const int16_t *w, int32_t taps, int32_t start)
{
    int32_t sum;
#if defined(__XTENSA__)
    MAC16_ASM("wsr.acclo %4\n"
              "ldinc m0,%1\n"
              "ldinc m2,%2\n"
              "loop %3,1f\n"
              "mula.dd.ll.ldinc m0,%1,m0,m2\n"
              "ldinc m2,%2\n"
              "1:\n"
              "rsr.acclo %0\n"
              : "=r"(sum), "+r"(x), "+r"(w)
              : "r"(taps), "r"(start));
#else
    mac16_t m = mac16_begin(start);
    mac16_ldinc(&m, 0, &x);
    mac16_ldinc(&m, 2, &w);
    MAC16_LOOP(taps)
    {
        mac16_mula_ll_ldinc(&m, 0, &x, 0, 2);
        mac16_ldinc(&m, 2, &w);
    }
    sum = mac16_acclo(&m);
#endif
    return sum;
}

/** The same of the high halves. */
MAC16 int32_t mac16_dot_high(const int16_t *x, const int16_t *w, int32_t taps, int32_t start)
{
    int32_t sum;
#if defined(__XTENSA__)
    MAC16_ASM("wsr.acclo %4\n"
              "ldinc m0,%1\n"
              "ldinc m2,%2\n"
              "loop %3,1f\n"
              "mula.dd.hh.ldinc m0,%1,m0,m2\n"
              "ldinc m2,%2\n"
              "1:\n"
              "rsr.acclo %0\n"
              : "=r"(sum), "+r"(x), "+r"(w)
              : "r"(taps), "r"(start));
#else
    mac16_t m = mac16_begin(start);
    mac16_ldinc(&m, 0, &x);
    mac16_ldinc(&m, 2, &w);
    MAC16_LOOP(taps)
    {
        mac16_mula_hh_ldinc(&m, 0, &x, 0, 2);
        mac16_ldinc(&m, 2, &w);
    }
    sum = mac16_acclo(&m);
#endif
    return sum;
}

#if defined(__XTENSA__)
/* One tap: the product of two halves of a word of `x` and a weight, and the next word of `x`. */
#define MAC16_LOW(to, from, weight) "mula.da.ll.ldinc m" #to ",%[x],m" #from ",%[" #weight "]\n"
#define MAC16_HIGH(to, from, weight) "mula.da.hh.lddec m" #to ",%[x],m" #from ",%[" #weight "]\n"
#endif

/**
 * `count` windows of nine words each: sums[2 * i] of their low halves, sums[2 * i + 1] of their high ones, modulo 2^32.
 * Forth through a window, then back.
 * @param x      one word in front of the first window
 * @param step   bytes from one window to the next; a literal
 * @param words  the nine weights, then where the sums of low and of high halves begin
 * @param count  1 or more
 */
MAC16 void mac16_windows_3x3(const int16_t *x, int step, const int32_t *words, int32_t count, int32_t *sums)
{
#if defined(__XTENSA__)
    /* `count` is free once the loop has begun, `words` holds its last word, m2 and m3 hold weights 7 and 8: 12 registers. */
    int32_t w0, w1, w2, w3, w4, w5, w6, low;
    MAC16_ASM("l32i %[low],%[words],28\n"
              "wsr.m2 %[low]\n"
              "l32i %[low],%[words],32\n"
              "wsr.m3 %[low]\n"
              "l32i %[w0],%[words],0\n"
              "l32i %[w1],%[words],4\n"
              "l32i %[w2],%[words],8\n"
              "l32i %[w3],%[words],12\n"
              "l32i %[w4],%[words],16\n"
              "l32i %[w5],%[words],20\n"
              "l32i %[w6],%[words],24\n"
              "l32i %[low],%[words],36\n"
              "l32i %[words],%[words],40\n"
              "loop %[count],1f\n"
              "wsr.acclo %[low]\n"
              "ldinc m0,%[x]\n"
              MAC16_LOW(1, 0, w0) MAC16_LOW(0, 1, w1) MAC16_LOW(1, 0, w2) MAC16_LOW(0, 1, w3) MAC16_LOW(1, 0, w4)
              MAC16_LOW(0, 1, w5) MAC16_LOW(1, 0, w6)
              "mula.dd.ll.ldinc m0,%[x],m1,m2\n"
              "mula.dd.ll m0,m3\n"
              "rsr.acclo %[count]\n"
              "s32i %[count],%[sums],0\n"
              "wsr.acclo %[words]\n"
              "mula.dd.hh.lddec m1,%[x],m0,m3\n"
              "mula.dd.hh.lddec m0,%[x],m1,m2\n"
              MAC16_HIGH(1, 0, w6) MAC16_HIGH(0, 1, w5) MAC16_HIGH(1, 0, w4) MAC16_HIGH(0, 1, w3) MAC16_HIGH(1, 0, w2)
              MAC16_HIGH(0, 1, w1)
              "mula.da.hh m0,%[w0]\n"
              "rsr.acclo %[count]\n"
              "s32i %[count],%[sums],4\n"
              "addi %[x],%[x],%[step]\n"
              "addi %[sums],%[sums],8\n"
              "1:\n"
              : [sums] "+r"(sums), [x] "+r"(x), [words] "+r"(words), [count] "+r"(count), [low] "=&r"(low), [w0] "=&r"(w0),
                [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [w4] "=&r"(w4), [w5] "=&r"(w5), [w6] "=&r"(w6)
              : [step] "n"(step - 4));
#else
    MAC16_LOOP(count)
    {
        mac16_t m = mac16_begin(words[9]);
        m.m[2] = words[7];
        m.m[3] = words[8];
        mac16_ldinc(&m, 0, &x);
        for (int tap = 0; tap < 7; tap++) {
            mac16_mula_ll(&m, m.m[tap % 2], words[tap]);
            mac16_ldinc(&m, (tap + 1) % 2, &x);
        }
        mac16_mula_ll_ldinc(&m, 0, &x, 1, 2);
        mac16_mula_ll(&m, m.m[0], m.m[3]);
        sums[0] = mac16_acclo(&m);
        m.acc = words[10];
        mac16_mula_hh_lddec(&m, 1, &x, 0, 3);
        mac16_mula_hh_lddec(&m, 0, &x, 1, 2);
        for (int tap = 6; tap > 0; tap--) {
            mac16_mula_hh(&m, m.m[tap % 2], words[tap]);
            mac16_lddec(&m, (tap + 1) % 2, &x);
        }
        mac16_mula_hh(&m, m.m[0], words[0]);
        sums[1] = mac16_acclo(&m);
        x += (step - 4) / 2;
        sums += 2;
    }
#endif
}

/**
 * The sum of products of packed pairs (mac16_gemm_s8.c), which is a multiple of 256, divided by 256, modulo 2^32.
 * @param x, w    one word in front of the first values; a word behind the last ones is read as well
 * @param blocks  1 or more, of four words of `x` and two of `w`
 */
MAC16 int32_t mac16_dot_pairs(const int16_t *x, const int16_t *w, int32_t blocks, uint32_t mask)
{
    int32_t low, high = 0;
#if defined(__XTENSA__)
    MAC16_ASM("wsr.acclo %1\n"
              "wsr.acchi %1\n"
              "ldinc m0,%2\n"
              "ldinc m2,%3\n"
              "loop %4,1f\n"
              "rsr.m2 %0\n"
              "and %0,%0,%5\n"
              "mula.da.ll.ldinc m1,%2,m0,%0\n"
              "mula.da.hh.ldinc m3,%3,m0,%0\n"
              "mula.dd.ll.ldinc m0,%2,m1,m2\n"
              "mula.dd.hh m1,m2\n"
              "rsr.m3 %0\n"
              "and %0,%0,%5\n"
              "mula.da.ll.ldinc m1,%2,m0,%0\n"
              "mula.da.hh.ldinc m2,%3,m0,%0\n"
              "mula.dd.ll.ldinc m0,%2,m1,m3\n"
              "mula.dd.hh m1,m3\n"
              "1:\n"
              "rsr.acclo %0\n"
              "rsr.acchi %1\n"
              : "=&r"(low), "+r"(high), "+r"(x), "+r"(w)
              : "r"(blocks), "r"(mask));
#else
    mac16_t m = mac16_begin(high);
    mac16_ldinc(&m, 0, &x);
    mac16_ldinc(&m, 2, &w);
    MAC16_LOOP(2 * blocks)
    {
        const int now = 2 + (mac16_i & 1), next = 5 - now;
        const int32_t masked = m.m[now] & (int32_t)mask;
        mac16_mula_ll(&m, m.m[0], masked);
        mac16_ldinc(&m, 1, &x);
        mac16_mula_hh(&m, m.m[0], masked);
        mac16_ldinc(&m, next, &w);
        mac16_mula_ll_ldinc(&m, 0, &x, 1, now);
        mac16_mula_hh(&m, m.m[1], m.m[now]);
    }
    low = mac16_acclo(&m);
    high = mac16_acchi(&m);
#endif
    return (int32_t)((uint32_t)low >> 8 | (uint32_t)high << 24);
}

/**
 * The sum of 4 * blocks products of 16 bits at x and bytes at w, less than 2^31 in magnitude, as all parts of it.
 * Of four weights bytes 0 and 2 belong to the first two values, bytes 1 and 3 to the others; each is multiplied as the upper
 * byte of 16 bits.
 * @param x, w    one word in front of the first values; a word behind the last ones is read as well
 * @param blocks  1 or more
 * @param mask    0xFF00FF00
 */
MAC16 int32_t mac16_dot_bytes(const int16_t *x, const int8_t *w, int32_t blocks, uint32_t mask)
{
    int32_t low, high = 0;
#if defined(__XTENSA__)
    int32_t shifted;
    MAC16_ASM("wsr.acclo %1\n"
              "wsr.acchi %1\n"
              "ldinc m0,%2\n"
              "ldinc m2,%3\n"
              "loop %5,1f\n"
              "rsr.m2 %0\n"
              "slli %4,%0,8\n"
              "and %4,%4,%6\n"
              "and %0,%0,%6\n"
              "mula.da.ll.ldinc m1,%2,m0,%4\n"
              "mula.da.hh.ldinc m2,%3,m0,%4\n"
              "mula.da.ll.ldinc m0,%2,m1,%0\n"
              "mula.da.hh m1,%0\n"
              "1:\n"
              "rsr.acclo %0\n"
              "rsr.acchi %1\n"
              : "=&r"(low), "+r"(high), "+r"(x), "+r"(w), "=&r"(shifted)
              : "r"(blocks), "r"(mask));
#else
    mac16_t m = mac16_begin(high);
    const int16_t *words = (const int16_t *)(const void *)w;
    mac16_ldinc(&m, 0, &x);
    mac16_ldinc(&m, 2, &words);
    MAC16_LOOP(blocks)
    {
        const int32_t shifted = (int32_t)((uint32_t)m.m[2] << 8 & mask), upper = (int32_t)((uint32_t)m.m[2] & mask);
        mac16_mula_ll(&m, m.m[0], shifted);
        mac16_ldinc(&m, 1, &x);
        mac16_mula_hh(&m, m.m[0], shifted);
        mac16_ldinc(&m, 2, &words);
        mac16_mula_ll(&m, m.m[1], upper);
        mac16_ldinc(&m, 0, &x);
        mac16_mula_hh(&m, m.m[1], upper);
    }
    low = mac16_acclo(&m);
    high = mac16_acchi(&m);
#endif
    return (int32_t)((uint32_t)low >> 8 | (uint32_t)high << 24);
}
