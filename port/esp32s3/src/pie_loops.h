/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops: sequences of vector instructions that the compiler could not put into a `loopgtz` itself.
 *
 * Each is one asm block, and on other machines the same sequence in C; a test holds the two together. None reads past
 * the last byte that it computes with, weights apart: those are fetched one or two vectors ahead, and their packing
 * ends with spare bytes (python/espdl/backends/esp32s3/packing.py).
 */
#pragma once

#include <stdbool.h>

#include "pie_moves.h"

#if defined(__XTENSA__)

/* QACC += q1 * q0[i], next weights to q1; then the same with q2 and lane j. %0 is the weights' address. */
#define PIE_MAC2(i, j)                                                                                                 \
    "ee.vsmulas.s8.qacc.ld.incp q1,%0,q1,q0," #i "\n"                                                                  \
    "ee.vsmulas.s8.qacc.ld.incp q2,%0,q2,q0," #j "\n"
#define PIE_MAC_2 PIE_MAC2(0, 1)
#define PIE_MAC_4 PIE_MAC_2 PIE_MAC2(2, 3)
#define PIE_MAC_6 PIE_MAC_4 PIE_MAC2(4, 5)
#define PIE_MAC_8 PIE_MAC_6 PIE_MAC2(6, 7)
#define PIE_MAC_10 PIE_MAC_8 PIE_MAC2(8, 9)
#define PIE_MAC_12 PIE_MAC_10 PIE_MAC2(10, 11)
#define PIE_MAC_14 PIE_MAC_12 PIE_MAC2(12, 13)
#define PIE_MAC_16 PIE_MAC_14 PIE_MAC2(14, 15)

#else

EE const int8_t *pie_macs(const int8_t *w, int lanes)
{
    for (int i = 0; i < lanes; i++) {
        w = ee_vsmulas_s8_qacc_ld_incp(1 + (i & 1), w, 1 + (i & 1), 0, i);
    }
    return w;
}

#endif

/**
 * QACC += weights times `more` + 1 vectors of input, lane after lane: 16 outputs of 16 * (more + 1) inputs.
 * q1 and q2 hold the weights before `*w`. Input at `*x`, a multiple of 16. Changes q0.
 */
EE void pie_mac_vectors(const int8_t **w, const int8_t **x, int32_t more)
{
#if defined(__XTENSA__)
    EE_ASM("ee.vld.128.ip q0,%1,16\n"
           "loopgtz %2,1f\n" PIE_MAC_14 "ee.vsmulas.s8.qacc.ld.incp q1,%0,q1,q0,14\n"
           "ee.vsmulas.s8.qacc.ld.incp q0,%1,q2,q0,15\n"
           "ee.vld.128.ip q2,%0,16\n"
           "1:\n" PIE_MAC_16
           : "+r"(*w), "+r"(*x)
           : "r"(more));
#else
    *x = ee_vld_128_ip(0, *x, 16);
    PIE_LOOP(more)
    {
        *w = pie_macs(*w, 14);
        *w = ee_vsmulas_s8_qacc_ld_incp(1, *w, 1, 0, 14);
        *x = ee_vsmulas_s8_qacc_ld_incp(0, *x, 2, 0, 15);
        *w = ee_vld_128_ip(2, *w, 16);
    }
    *w = pie_macs(*w, 16);
#endif
}

/**
 * QACC += weights times `vectors` vectors of input at any address, of which the last is not the input's last: it looks
 * into the block behind it. q1 and q2 hold the weights before `*w`; q3 the block before `*x`, noted by
 * ee_ld_128_usar_ip(). Changes q0 and q4.
 */
EE void pie_mac_unaligned(const int8_t **w, const int8_t **x, int32_t vectors)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q4,%1,16\n"
           "ee.src.q.qup q0,q3,q4\n" PIE_MAC_16 "1:\n"
           : "+r"(*w), "+r"(*x)
           : "r"(vectors));
#else
    PIE_LOOP(vectors)
    {
        *x = ee_vld_128_block_xp(4, *x, 16);
        ee_src_q_qup(0, 3, 4);
        *w = pie_macs(*w, 16);
    }
#endif
}

/**
 * QACC += x * w, lane by lane, for `taps` vectors `step` bytes apart. q1 holds the weights before `w`. Changes q0, q1.
 */
EE const int8_t *pie_depthwise_row(const int8_t *w, const int8_t *x, int32_t taps, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.xp q0,%1,%3\n"
           "ee.vmulas.s8.qacc.ld.ip q1,%0,16,q0,q1\n"
           "1:\n"
           : "+r"(w), "+r"(x)
           : "r"(taps), "r"(step));
#else
    PIE_LOOP(taps)
    {
        x = ee_vld_128_xp(0, x, step);
        w = ee_vmulas_s8_qacc_ld_ip(1, w, 16, 0, 1);
    }
#endif
    return w;
}

/**
 * ACCX += weights times `more` + 1 vectors of input at any address; the last one reaches `last` bytes behind its first.
 * q1 holds the weights before `w`. Changes q0, q1, q3, q4.
 */
EE const int8_t *pie_dot_row(const int8_t *w, const int8_t *x, int32_t more, int32_t last)
{
#if defined(__XTENSA__)
    EE_ASM("ee.ld.128.usar.ip q3,%1,16\n"
           "loopgtz %2,1f\n"
           "ee.vld.128.ip q4,%1,16\n"
           "ee.src.q.qup q0,q3,q4\n"
           "ee.vmulas.s8.accx.ld.ip q1,%0,16,q0,q1\n"
           "1:\n"
           "addi %1,%1,-16\n"
           "add %1,%1,%3\n"
           "ee.vld.128.ip q4,%1,0\n"
           "ee.src.q q0,q3,q4\n"
           "ee.vmulas.s8.accx.ld.ip q1,%0,16,q0,q1\n"
           : "+r"(w), "+r"(x)
           : "r"(more), "r"(last));
#else
    x = ee_ld_128_usar_ip(3, x, 16);
    PIE_LOOP(more)
    {
        x = ee_vld_128_block_xp(4, x, 16);
        ee_src_q_qup(0, 3, 4);
        w = ee_vmulas_s8_accx_ld_ip(1, w, 16, 0, 1);
    }
    ee_vld_128_block_xp(4, x - 16 + last, 0);
    ee_src_q(0, 3, 4);
    w = ee_vmulas_s8_accx_ld_ip(1, w, 16, 0, 1);
#endif
    return w;
}
