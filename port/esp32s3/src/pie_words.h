/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops over int16 in lanes of 40 bits, made of int8. See pie_loops.h.
 */
#pragma once

#include "pie_moves.h"

#if defined(__XTENSA__)
#define PIE_WORDS2(i, j)                                                                                               \
    "ee.vsmulas.s16.qacc.ld.incp q1,%0,q1,q0," #i "\n"                                                                 \
    "ee.vsmulas.s16.qacc.ld.incp q2,%0,q2,q0," #j "\n"
#endif

/**
 * 16 * `vectors` int8 at `x` become as many int16 at `y`, 0 .. 255: each and 128. q3 holds -128 in each byte. Changes q0,
 * q4.
 */
EE void pie_widen_offset(const int8_t *x, int8_t *y, int32_t vectors)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q0,%0,16\n"
           "ee.zero.q q4\n"
           "ee.xorq q0,q0,q3\n"
           "ee.vzip.8 q0,q4\n"
           "ee.vst.128.ip q0,%1,16\n"
           "ee.vst.128.ip q4,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(vectors));
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_ip(0, x, 16);
        ee_zero_q(4);
        ee_xorq(0, 0, 3);
        ee_vzip_8(0, 4);
        y = ee_vst_128_ip(0, y, 16);
        y = ee_vst_128_ip(4, y, 16);
    }
#endif
}

/**
 * 16 int8 of each of `count` rows, `step` bytes apart, become int16, 256 times as large: 8 of a row at `low`, the others at
 * `high`, rows one behind the other. Changes q0, q4.
 */
EE void pie_widen_columns(const int8_t *x, int8_t *low, int8_t *high, int32_t count, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %3,1f\n"
           "ee.vld.128.xp q0,%0,%4\n"
           "ee.zero.q q4\n"
           "ee.vzip.8 q4,q0\n"
           "ee.vst.128.ip q4,%1,16\n"
           "ee.vst.128.ip q0,%2,16\n"
           "1:\n"
           : "+r"(x), "+r"(low), "+r"(high)
           : "r"(count), "r"(step));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_xp(0, x, step);
        ee_zero_q(4);
        ee_vzip_8(4, 0);
        low = ee_vst_128_ip(4, low, 16);
        high = ee_vst_128_ip(0, high, 16);
    }
#endif
}

/**
 * The same, but as they are, less q6 of int16 and with 128 more. q3 holds -128 in each byte. Changes q0, q4.
 */
EE void pie_widen_columns_less(const int8_t *x, int8_t *low, int8_t *high, int32_t count, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %3,1f\n"
           "ee.vld.128.xp q0,%0,%4\n"
           "ee.zero.q q4\n"
           "ee.xorq q0,q0,q3\n"
           "ee.vzip.8 q0,q4\n"
           "ee.vsubs.s16 q0,q0,q6\n"
           "ee.vsubs.s16 q4,q4,q6\n"
           "ee.vst.128.ip q0,%1,16\n"
           "ee.vst.128.ip q4,%2,16\n"
           "1:\n"
           : "+r"(x), "+r"(low), "+r"(high)
           : "r"(count), "r"(step));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_xp(0, x, step);
        ee_zero_q(4);
        ee_xorq(0, 0, 3);
        ee_vzip_8(0, 4);
        ee_vsubs_s16(0, 0, 6);
        ee_vsubs_s16(4, 4, 6);
        low = ee_vst_128_ip(0, low, 16);
        high = ee_vst_128_ip(4, high, 16);
    }
#endif
}

/**
 * QACC += vectors of 8 weights times int16 at `x`, one after the other; `vectors` of 8 of those. q1 and q2 hold the weights
 * before `w`; the weights behind them. Changes q0.
 */
EE const int8_t *pie_mac_words(const int8_t *w, const int8_t *x, int32_t vectors)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q0,%1,16\n" PIE_WORDS2(0, 1) PIE_WORDS2(2, 3) PIE_WORDS2(4, 5) PIE_WORDS2(6, 7) "1:\n"
           : "+r"(w), "+r"(x)
           : "r"(vectors));
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_ip(0, x, 16);
        for (int i = 0; i < 8; i++) {
            w = ee_vsmulas_s16_qacc_ld_incp(1 + (i & 1), w, 1 + (i & 1), 0, i);
        }
    }
#endif
    return w;
}

/** QACC += the sum of `count` vectors of 8 weights, times the first int16 of q5. q1 holds the weights before `w`. Changes q1. */
EE void pie_sum_words(const int8_t *w, int32_t count)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vsmulas.s16.qacc.ld.incp q1,%0,q1,q5,0\n"
           "1:\n"
           : "+r"(w)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        w = ee_vsmulas_s16_qacc_ld_incp(1, w, 1, 5, 0);
    }
#endif
}
