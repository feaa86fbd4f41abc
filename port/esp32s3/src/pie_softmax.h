/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops around the exponentials of a softmax. See pie_loops.h.
 */
#pragma once

#include "pie_moves.h"

/**
 * 16 * `vectors` int8 from any address become 0 .. 255 at `to`: their highest bits are inverted. q5 = lane by lane the
 * largest of it and them, as they were. q3 holds the block before `x`, noted by ee_ld_128_usar_ip(); the last vector is
 * not the input's last. q4 holds -128 in each byte. Changes q0, q1, q3.
 */
EE const int8_t *pie_read_unsigned(const int8_t *x, int8_t **to, int32_t vectors)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q1,%0,16\n"
           "ee.src.q.qup q0,q3,q1\n"
           "ee.vmax.s8 q5,q5,q0\n"
           "ee.xorq q0,q0,q4\n"
           "ee.vst.128.ip q0,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(*to)
           : "r"(vectors));
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_block_xp(1, x, 16);
        ee_src_q_qup(0, 3, 1);
        ee_vmax_s8(5, 5, 0);
        ee_xorq(0, 0, 4);
        *to = ee_vst_128_ip(0, *to, 16);
    }
#endif
    return x;
}

/** Lane 0 of q5 = the largest of all of its lanes. Changes the others and q0. */
EE void pie_fold_max(void)
{
#if defined(__XTENSA__)
#define PIE_FOLD                                                                                                       \
    "ee.vunzip.8 q5,q0\n"                                                                                              \
    "ee.vmax.s8 q5,q5,q0\n"
    EE_ASM(PIE_FOLD PIE_FOLD PIE_FOLD PIE_FOLD : :);
#else
    PIE_LOOP(4)
    {
        ee_vunzip_8(5, 0);
        ee_vmax_s8(5, 5, 0);
    }
#endif
}

#if defined(__XTENSA__)
#define PIE_SCALED(to)                                                                                                 \
    "ee.zero.qacc\n"                                                                                                   \
    "ee.vsmulas.s16.qacc.ld.incp q0,%0,q0,q3,0\n"                                                                      \
    "ee.vsmulas.s16.qacc q2,q3,1\n"                                                                                    \
    "ee.srcmb.s16.qacc " to ",%3,0\n"
#else
EE const int8_t *pie_scaled(int to, const int8_t *x, int32_t shift)
{
    ee_zero_qacc();
    x = ee_vsmulas_s16_qacc_ld_incp(0, x, 0, 3, 0);
    ee_vsmulas_s16_qacc(2, 3, 1);
    ee_srcmb_s16_qacc(to, shift);
    return x;
}
#endif

/**
 * 16 * `vectors` int16, of which q0 holds the first 8 and `x` the others, become as many int8 at `y`: the high bytes of
 * (each times lane 0 of q3 + q2 times lane 1 of q3) >> shift, saturated to int16. Reads 8 more of them, to q0. q6 holds
 * the last 16 outputs. Changes q5.
 */
EE const int8_t *pie_scale_words(const int8_t *x, int8_t *y, int32_t vectors, int32_t shift)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n" PIE_SCALED("q5") PIE_SCALED("q6") "ee.vunzip.8 q5,q6\n"
           "ee.vst.128.ip q6,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(vectors), "r"(shift));
#else
    PIE_LOOP(vectors)
    {
        x = pie_scaled(5, x, shift);
        x = pie_scaled(6, x, shift);
        ee_vunzip_8(5, 6);
        y = ee_vst_128_ip(6, y, 16);
    }
#endif
    return x;
}
