/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops from int16 to int8 in lanes of 40 bits. See pie_loops.h.
 */
#pragma once

#include "pie_moves.h"

/** Bits of a slope that are multiplied first. */
#define PIE_LOW_BITS 15

#if defined(__XTENSA__)
#define PIE_UNALIGNED                                                                                                  \
    "ee.vld.128.ip q1,%[x],16\n"                                                                                       \
    "ee.src.q.qup q0,q3,q1\n"
#define PIE_LINE(load, to)                                                                                             \
    load "ee.xorq q0,q0,q7\n"                                                                                          \
    "ee.zero.qacc\n"                                                                                                   \
    "ee.vsmulas.s16.qacc q0,q2,0\n"                                                                                    \
    "ee.srcmb.s16.qacc " to ",%[low_bits],0\n"                                                                         \
    "ee.vsmulas.s16.qacc q4,q2,2\n"                                                                                    \
    "ee.vsmulas.s16.qacc q0,q2,1\n"                                                                                    \
    "ee.srcmb.s16.qacc " to ",%[shift],0\n"
#define PIE_RESCALE(load)                                                                                              \
    EE_ASM("loopgtz %[vectors],1f\n" PIE_LINE(load, "q5") PIE_LINE(load, "q6")                                         \
           "ee.vunzip.8 q5,q6\n"                                                                                       \
           "ee.vst.128.ip q6,%[y],16\n"                                                                                \
           "1:\n"                                                                                                      \
           : [x] "+r"(x), [y] "+r"(y)                                                                                  \
           : [vectors] "r"(vectors), [low_bits] "r"(PIE_LOW_BITS), [shift] "r"(shift))
#else
EE const int8_t *pie_unaligned(const int8_t *x)
{
    x = ee_vld_128_block_xp(1, x, 16);
    ee_src_q_qup(0, 3, 1);
    return x;
}

/* Of q0. */
EE void pie_line(int to, int32_t shift)
{
    ee_xorq(0, 0, 7);
    ee_zero_qacc();
    ee_vsmulas_s16_qacc(0, 2, 0);
    ee_srcmb_s16_qacc(to, PIE_LOW_BITS);
    ee_vsmulas_s16_qacc(4, 2, 2);
    ee_vsmulas_s16_qacc(0, 2, 1);
    ee_srcmb_s16_qacc(to, shift);
}

EE int8_t *pie_store_high_bytes(int8_t *y)
{
    ee_vunzip_8(5, 6);
    return ee_vst_128_ip(6, y, 16);
}
#endif

/**
 * 16 * `vectors` int16 at `x`, a multiple of 16, become as many int8 at `y`: the high bytes of
 * (((x * low) >> PIE_LOW_BITS) + x * high + a * b) >> shift, saturated to int16. q2 holds low, high and a, q4 b in each
 * lane, q7 what every x is first combined with by exclusive or. Changes q0, q5, q6.
 */
EE void pie_rescale(const int8_t *x, int8_t *y, int32_t vectors, int32_t shift)
{
#if defined(__XTENSA__)
    PIE_RESCALE("ee.vld.128.ip q0,%[x],16\n");
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_ip(0, x, 16);
        pie_line(5, shift);
        x = ee_vld_128_ip(0, x, 16);
        pie_line(6, shift);
        y = pie_store_high_bytes(y);
    }
#endif
}

/**
 * The same from any other address: `x` is in the block behind the one with the first int16, which q3 holds, noted by
 * ee_ld_128_usar_ip(). Changes q1 and q3 too.
 */
EE void pie_rescale_unaligned(const int8_t *x, int8_t *y, int32_t vectors, int32_t shift)
{
#if defined(__XTENSA__)
    PIE_RESCALE(PIE_UNALIGNED);
#else
    PIE_LOOP(vectors)
    {
        x = pie_unaligned(x);
        pie_line(5, shift);
        x = pie_unaligned(x);
        pie_line(6, shift);
        y = pie_store_high_bytes(y);
    }
#endif
}

#if defined(__XTENSA__)
#define PIE_LANES(load, to, advance)                                                                                   \
    load "ee.xorq q0,q0,q7\n"                                                                                          \
    "ee.zero.qacc\n"                                                                                                   \
    "ee.vmulas.s16.qacc.ld.ip q4,%[lines],16,q0,q2\n"                                                                  \
    "ee.srcmb.s16.qacc " to ",%[low_bits],0\n"                                                                         \
    "ee.vmulas.s16.qacc.ld.ip q2,%[lines],16,q0,q4\n"                                                                  \
    "ee.vld.128.ip q4,%[lines],16\n" advance                                                                           \
    "ee.vmulas.s16.qacc.ld.ip q2,%[lines],16,q2,q4\n"                                                                  \
    "ee.srcmb.s16.qacc " to ",%[shift],0\n"
#define PIE_RESCALE_LANES(load)                                                                                        \
    EE_ASM("loopgtz %[vectors],1f\n" PIE_LANES(load, "q5", )                                                           \
           PIE_LANES(load, "q6", "add %[lines],%[lines],%[step]\n")                                                    \
           "ee.vunzip.8 q5,q6\n"                                                                                       \
           "ee.vst.128.ip q6,%[y],16\n"                                                                                \
           "1:\n"                                                                                                      \
           : [x] "+r"(x), [y] "+r"(y), [lines] "+r"(lines)                                                             \
           : [vectors] "r"(vectors), [low_bits] "r"(PIE_LOW_BITS), [shift] "r"(shift), [step] "r"(step))
#else
/* Of q0; `step`s before the last vector is fetched. */
EE const int8_t *pie_lanes(int to, const int8_t *lines, int32_t shift, int32_t step)
{
    ee_xorq(0, 0, 7);
    ee_zero_qacc();
    lines = ee_vmulas_s16_qacc_ld_ip(4, lines, 16, 0, 2);
    ee_srcmb_s16_qacc(to, PIE_LOW_BITS);
    lines = ee_vmulas_s16_qacc_ld_ip(2, lines, 16, 0, 4);
    lines = ee_vld_128_ip(4, lines, 16) + step;
    lines = ee_vmulas_s16_qacc_ld_ip(2, lines, 16, 2, 4);
    ee_srcmb_s16_qacc(to, shift);
    return lines;
}
#endif

/**
 * pie_rescale() with a line for each lane: `lines` are vectors of high, a, b, then low of the next 8 lanes, whose first
 * low q2 holds; for 8 lanes after the others, `step` bytes further for every 16 outputs. Changes q0, q2, q4, q5, q6.
 */
EE void pie_rescale_lanes(const int8_t *x, int8_t *y, const int8_t *lines, int32_t vectors, int32_t shift, int32_t step)
{
#if defined(__XTENSA__)
    PIE_RESCALE_LANES("ee.vld.128.ip q0,%[x],16\n");
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_ip(0, x, 16);
        lines = pie_lanes(5, lines, shift, 0);
        x = ee_vld_128_ip(0, x, 16);
        lines = pie_lanes(6, lines, shift, step);
        y = pie_store_high_bytes(y);
    }
#endif
}

/** The same from any other address, as pie_rescale_unaligned(). */
EE void pie_rescale_lanes_unaligned(const int8_t *x, int8_t *y, const int8_t *lines, int32_t vectors, int32_t shift,
                                    int32_t step)
{
#if defined(__XTENSA__)
    PIE_RESCALE_LANES(PIE_UNALIGNED);
#else
    PIE_LOOP(vectors)
    {
        x = pie_unaligned(x);
        lines = pie_lanes(5, lines, shift, 0);
        x = pie_unaligned(x);
        lines = pie_lanes(6, lines, shift, step);
        y = pie_store_high_bytes(y);
    }
#endif
}
