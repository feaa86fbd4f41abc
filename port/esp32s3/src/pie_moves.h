/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops without weights: moves, clamps, sums. See pie_loops.h.
 */
#pragma once

#include "pie.h"

#if defined(__XTENSA__)
#define PIE_BIAS(a)                                                                                                    \
    "ee.ld.qacc_l.l.128.ip " a ",16\n"                                                                                 \
    "ee.ld.qacc_h.l.128.ip " a ",16\n"                                                                                 \
    "ee.ld.qacc_l.h.32.ip " a ",4\n"                                                                                   \
    "ee.ld.qacc_h.h.32.ip " a ",-36\n"
#endif

/** QACC = the 16 packed biases at `bias`. */
EE void pie_load_bias(const int8_t *bias)
{
    bias = ee_ld_qacc_l_l_128_ip(bias, 16);
    bias = ee_ld_qacc_h_l_128_ip(bias, 16);
    bias = ee_ld_qacc_l_h_32_ip(bias, 4);
    ee_ld_qacc_h_h_32_ip(bias, -36);
}

/** The same; the biases of the next 16 channels. */
EE const int8_t *pie_load_bias_ahead(const int8_t *bias)
{
    bias = ee_ld_qacc_l_l_128_ip(bias, 16);
    bias = ee_ld_qacc_h_l_128_ip(bias, 16);
    bias = ee_ld_qacc_l_h_32_ip(bias, 4);
    return ee_ld_qacc_h_h_32_ip(bias, 12);
}

/** q = 0xFF in the first `bytes` (1 .. 16) lanes, 0 in the others. Changes q3, q4. */
EE void pie_mask(int q, int32_t bytes)
{
    static const _Alignas(16) int8_t s_edge[48] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const int8_t *from = ee_ld_128_usar_ip(3, s_edge + 16 - bytes, 16);
    ee_vld_128_block_xp(4, from, 0);
    ee_src_q(q, 3, 4);
}

/** QACC += `more` + 1 vectors `step` bytes apart, each lane times that of q1 (ones). Changes q0. */
EE void pie_sum(const int8_t *x, int32_t more, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("ee.vld.128.xp q0,%0,%2\n"
           "loopgtz %1,1f\n"
           "ee.vmulas.s8.qacc.ld.xp q0,%0,%2,q0,q1\n"
           "1:\n"
           "ee.vmulas.s8.qacc q0,q1\n"
           : "+r"(x)
           : "r"(more), "r"(step));
#else
    x = ee_vld_128_xp(0, x, step);
    PIE_LOOP(more)
    {
        x = ee_vmulas_s8_qacc_ld_xp(0, x, step, 0, 1);
    }
    ee_vmulas_s8_qacc(0, 1);
#endif
}

/**
 * QACC += `count` vectors at `x`, one behind the other, each times the first lane of q7. Reads the vector behind them
 * too. Changes q0.
 */
EE void pie_add_multiples(const int8_t *x, int32_t count)
{
    x = ee_vld_128_ip(0, x, 16);
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vsmulas.s8.qacc.ld.incp q0,%0,q0,q7,0\n"
           "1:\n"
           : "+r"(x)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        x = ee_vsmulas_s8_qacc_ld_incp(0, x, 0, 7, 0);
    }
#endif
}

/** y = x with the highest bit of every byte inverted; `count` vectors. x may be y. Changes q0, q1. */
EE void pie_flip_signs(const int8_t *x, int8_t *y, int32_t count)
{
    static const int8_t s_sign = -128;
    ee_vldbc_8_ip(1, &s_sign, 0);
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q0,%0,16\n"
           "ee.xorq q0,q0,q1\n"
           "ee.vst.128.ip q0,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_ip(0, x, 16);
        ee_xorq(0, 0, 1);
        y = ee_vst_128_ip(0, y, 16);
    }
#endif
}

/** q0 = lane by lane the largest of q0 and `count` vectors `step` bytes apart. Changes q1. */
EE void pie_max(const int8_t *x, int32_t count, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vld.128.xp q1,%0,%2\n"
           "ee.vmax.s8 q0,q0,q1\n"
           "1:\n"
           : "+r"(x)
           : "r"(count), "r"(step));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_xp(1, x, step);
        ee_vmax_s8(0, 0, 1);
    }
#endif
}

/**
 * The same of vectors at any address, of which only the first `last` + 1 bytes are read and count. Changes q1, q2.
 */
EE void pie_max_unaligned(const int8_t *x, int32_t count, int32_t step, int32_t last)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.ld.128.usar.xp q1,%0,%3\n"
           "ee.vld.128.xp q2,%0,%2\n"
           "ee.src.q q1,q1,q2\n"
           "ee.vmax.s8 q0,q0,q1\n"
           "1:\n"
           : "+r"(x)
           : "r"(count), "r"(step - last), "r"(last));
#else
    PIE_LOOP(count)
    {
        x = ee_ld_128_usar_xp(1, x, last);
        x = ee_vld_128_block_xp(2, x, step - last);
        ee_src_q(1, 1, 2);
        ee_vmax_s8(0, 0, 1);
    }
#endif
}

/** y = max(min(x, q3), q2), lane by lane, for `count` vectors, one behind the other. x may be y. Changes q0. */
EE void pie_clamp(const int8_t *x, int8_t *y, int32_t count)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q0,%0,16\n"
           "ee.vmin.s8 q0,q0,q3\n"
           "ee.vmax.s8 q0,q0,q2\n"
           "ee.vst.128.ip q0,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_ip(0, x, 16);
        ee_vmin_s8(0, 0, 3);
        ee_vmax_s8(0, 0, 2);
        y = ee_vst_128_ip(0, y, 16);
    }
#endif
}

/** `count` vectors, `step` bytes apart, to `y`, one behind the other. Changes q0. */
EE void pie_gather(const int8_t *x, int8_t *y, int32_t count, int32_t step)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.xp q0,%0,%3\n"
           "ee.vst.128.ip q0,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count), "r"(step));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_xp(0, x, step);
        y = ee_vst_128_ip(0, y, 16);
    }
#endif
}

/**
 * As pie_gather(), for `rows` (1 or more) rows: `x_next` and `y_next` bytes go from the end of one to the next. Changes
 * q0.
 */
EE void pie_gather_rows(const int8_t *x, int8_t *y, int32_t count, int32_t step, int32_t rows, int32_t x_next,
                        int32_t y_next)
{
#if defined(__XTENSA__)
    EE_ASM("2:\n"
           "addi %[rows],%[rows],-1\n"
           "loopgtz %[count],1f\n"
           "ee.vld.128.xp q0,%[x],%[step]\n"
           "ee.vst.128.ip q0,%[y],16\n"
           "1:\n"
           "add %[x],%[x],%[x_next]\n"
           "add %[y],%[y],%[y_next]\n"
           "bnez %[rows],2b\n"
           : [x] "+r"(x), [y] "+r"(y), [rows] "+r"(rows)
           : [count] "r"(count), [step] "r"(step), [x_next] "r"(x_next), [y_next] "r"(y_next));
#else
    for (; rows > 0; rows--, x += x_next, y += y_next) {
        PIE_LOOP(count)
        {
            x = ee_vld_128_xp(0, x, step);
            y = ee_vst_128_ip(0, y, 16);
        }
    }
#endif
}

/**
 * As pie_gather(), from any address: `last` + 1 bytes of each vector count, the other bytes of `y` are arbitrary.
 * The next begins `jump` bytes behind the last. Changes q0, q1, q2.
 */
EE void pie_gather_unaligned(const int8_t *x, int8_t *y, int32_t count, int32_t last, int32_t jump)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.ld.128.usar.xp q1,%0,%3\n"
           "ee.vld.128.xp q2,%0,%4\n"
           "ee.src.q q0,q1,q2\n"
           "ee.vst.128.ip q0,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count), "r"(last), "r"(jump));
#else
    PIE_LOOP(count)
    {
        x = ee_ld_128_usar_xp(1, x, last);
        x = ee_vld_128_block_xp(2, x, jump);
        ee_src_q(0, 1, 2);
        y = ee_vst_128_ip(0, y, 16);
    }
#endif
}

/**
 * `count` vectors at `x`, one behind the other, become twice as many at `y`: the second half of the vector before with
 * the first half of this one, then this one. q1 holds the vector before the first and is left holding the last; the
 * noted place is 8 (ee_ld_128_usar_ip). Changes q0, q2.
 */
EE int8_t *pie_gather_halves(const int8_t *x, int8_t *y, int32_t count)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %2,1f\n"
           "ee.vld.128.ip q2,%0,16\n"
           "ee.src.q.qup q0,q1,q2\n"
           "ee.vst.128.ip q0,%1,16\n"
           "ee.vst.128.ip q2,%1,16\n"
           "1:\n"
           : "+r"(x), "+r"(y)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        x = ee_vld_128_ip(2, x, 16);
        ee_src_q_qup(0, 1, 2);
        y = ee_vst_128_ip(0, y, 16);
        y = ee_vst_128_ip(2, y, 16);
    }
#endif
    return y;
}

/** Of 16 vectors, `step` bytes apart, the bytes of i and of i + 8 in turns: vectors 2i and 2i + 1 of `y`. Changes q0, q1. */
EE void pie_take_turns(const int8_t *x, int32_t step, int8_t *y, int32_t y_step)
{
    const int8_t *other = x + 8 * step;
    const int32_t pairs = 8;
#if defined(__XTENSA__)
    EE_ASM("loopgtz %3,1f\n"
           "ee.vld.128.xp q0,%0,%4\n"
           "ee.vld.128.xp q1,%1,%4\n"
           "ee.vzip.8 q0,q1\n"
           "ee.vst.128.xp q0,%2,%5\n"
           "ee.vst.128.xp q1,%2,%5\n"
           "1:\n"
           : "+r"(x), "+r"(other), "+r"(y)
           : "r"(pairs), "r"(step), "r"(y_step));
#else
    PIE_LOOP(pairs)
    {
        x = ee_vld_128_xp(0, x, step);
        other = ee_vld_128_xp(1, other, step);
        ee_vzip_8(0, 1);
        y = ee_vst_128_xp(0, y, y_step);
        y = ee_vst_128_xp(1, y, y_step);
    }
#endif
}

/** `count` vectors at `y`, each a copy of q1. */
EE void pie_fill(int8_t *y, int32_t count)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vst.128.ip q1,%0,16\n"
           "1:\n"
           : "+r"(y)
           : "r"(count));
#else
    PIE_LOOP(count)
    {
        y = ee_vst_128_ip(1, y, 16);
    }
#endif
}

/**
 * y = (start + a * q2 + b * q3) >> shift, saturated, then results of 0 or less times `negative`; `more` + 1 vectors.
 * `start`: QACC as pie_load_bias() takes it. a or b may be y. Changes q0, q1, q4.
 */
EE void pie_add(const int8_t *a, const int8_t *b, int8_t *y, int32_t more, const int8_t *start, int32_t shift,
                int32_t negative)
{
    const int32_t zero = 0;
    a = ee_vld_128_ip(0, a, 16);
    b = ee_vld_128_ip(1, b, 16);
#if defined(__XTENSA__)
    EE_ASM("loopgtz %4,1f\n" PIE_BIAS("%3")
           "ee.vmulas.s8.qacc.ld.ip q0,%0,16,q0,q2\n"
           "ee.vmulas.s8.qacc.ld.ip q1,%1,16,q1,q3\n"
           "ee.srcmb.s8.qacc q4,%5,0\n"
           "ee.vrelu.s8 q4,%6,%7\n"
           "ee.vst.128.ip q4,%2,16\n"
           "1:\n"
           : "+r"(a), "+r"(b), "+r"(y), "+r"(start)
           : "r"(more), "r"(shift), "r"(negative), "r"(zero));
#else
    PIE_LOOP(more)
    {
        pie_load_bias(start);
        a = ee_vmulas_s8_qacc_ld_ip(0, a, 16, 0, 2);
        b = ee_vmulas_s8_qacc_ld_ip(1, b, 16, 1, 3);
        ee_srcmb_s8_qacc(4, shift);
        ee_vrelu_s8(4, negative, zero);
        y = ee_vst_128_ip(4, y, 16);
    }
#endif
    pie_load_bias(start);
    ee_vmulas_s8_qacc(0, 2);
    ee_vmulas_s8_qacc(1, 3);
    ee_srcmb_s8_qacc(4, shift);
    ee_vrelu_s8(4, negative, zero);
    ee_vst_128_ip(4, y, 16);
}

/**
 * y = (start + a * b) >> shift, saturated, then results of 0 or less times `negative`; `count` vectors. a or b may be
 * y. `start`: QACC as pie_load_bias() takes it. Changes q0, q1.
 */
EE void pie_mul(const int8_t *a, const int8_t *b, int8_t *y, int32_t count, const int8_t *start, int32_t shift,
                int32_t negative)
{
    const int32_t zero = 0;
#if defined(__XTENSA__)
    EE_ASM("loopgtz %4,1f\n" PIE_BIAS("%3")
           "ee.vld.128.ip q0,%0,16\n"
           "ee.vld.128.ip q1,%1,16\n"
           "ee.vmulas.s8.qacc q0,q1\n"
           "ee.srcmb.s8.qacc q0,%5,0\n"
           "ee.vrelu.s8 q0,%6,%7\n"
           "ee.vst.128.ip q0,%2,16\n"
           "1:\n"
           : "+r"(a), "+r"(b), "+r"(y), "+r"(start)
           : "r"(count), "r"(shift), "r"(negative), "r"(zero));
#else
    PIE_LOOP(count)
    {
        pie_load_bias(start);
        a = ee_vld_128_ip(0, a, 16);
        b = ee_vld_128_ip(1, b, 16);
        ee_vmulas_s8_qacc(0, 1);
        ee_srcmb_s8_qacc(0, shift);
        ee_vrelu_s8(0, negative, zero);
        y = ee_vst_128_ip(0, y, 16);
    }
#endif
}
