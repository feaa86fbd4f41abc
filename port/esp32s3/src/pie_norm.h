/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Hardware loops of normalisations: sums of int8, and two products of int16 one after the other. See pie_loops.h.
 */
#pragma once

#include "pie_moves.h"

/** ACCX += the sum of `more` + 1 vectors at `x`, a multiple of 16, each lane times that of q1 (ones). Changes q0. */
EE void pie_sum_all(const int8_t *x, int32_t more)
{
    x = ee_vld_128_ip(0, x, 16);
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vmulas.s8.accx.ld.ip q0,%0,16,q0,q1\n"
           "1:\n"
           : "+r"(x)
           : "r"(more));
#else
    PIE_LOOP(more)
    {
        x = ee_vmulas_s8_accx_ld_ip(0, x, 16, 0, 1);
    }
#endif
    ee_vmulas_s8_accx(0, 1);
}

/** ACCX += the sum of the squares of all lanes of `more` + 1 vectors at `x`, a multiple of 16. Changes q0. */
EE void pie_sum_squares(const int8_t *x, int32_t more)
{
    x = ee_vld_128_ip(0, x, 16);
#if defined(__XTENSA__)
    EE_ASM("loopgtz %1,1f\n"
           "ee.vmulas.s8.accx.ld.ip q0,%0,16,q0,q0\n"
           "1:\n"
           : "+r"(x)
           : "r"(more));
#else
    PIE_LOOP(more)
    {
        x = ee_vmulas_s8_accx_ld_ip(0, x, 16, 0, 0);
    }
#endif
    ee_vmulas_s8_accx(0, 0);
}

/*
 * Of register `x`, 256 times 8 elements: the units, which stay in QACC too and are the first multiple of themselves
 * that an output has; then the outputs. The vectors of gammas and betas come with products.
 */
#if defined(__XTENSA__)
#define PIE_UNITS(x)                                                                                                   \
    "ee.zero.qacc\n"                                                                                                   \
    "ee.vsmulas.s16.qacc.ld.incp q5,%[scales]," x ",q2,0\n"                                                            \
    "ee.vsmulas.s16.qacc.ld.incp q6,%[scales],q3,q2,1\n"                                                               \
    "ee.vsmulas.s16.qacc q4,q2,2\n"                                                                                    \
    "ee.srcmb.s16.qacc " x ",%[shift],0\n"                                                                             \
    "ee.vmulas.s16.qacc " x ",q5\n"                                                                                    \
    "ee.vsmulas.s16.qacc q6,q2,3\n"                                                                                    \
    "ee.srcmb.s16.qacc " x ",%[last],0\n"
#else
EE const int8_t *pie_units(int x, const int8_t *scales, int32_t shift, int32_t last)
{
    ee_zero_qacc();
    scales = ee_vsmulas_s16_qacc_ld_incp(5, scales, x, 2, 0);
    scales = ee_vsmulas_s16_qacc_ld_incp(6, scales, 3, 2, 1);
    ee_vsmulas_s16_qacc(4, 2, 2);
    ee_srcmb_s16_qacc(x, shift);
    ee_vmulas_s16_qacc(x, 5);
    ee_vsmulas_s16_qacc(6, 2, 3);
    ee_srcmb_s16_qacc(x, last);
    return scales;
}
#endif

/**
 * 16 * `vectors` int8 at `x` become as many at `y`, where x may be y, both multiples of 16. Lanes of q2 are a, b, c, d;
 * with
 *
 *     unit = (256 * x * a + q3 * b + q4 * c) >> shift
 *
 * an output is the high byte of (unit * (1 + gamma) + beta * d) >> last, saturated to int16. Of 8 elements, `scales`
 * has the gammas, then the betas. Changes q0, q1, q5, q6.
 */
EE void pie_normalize(const int8_t *x, const int8_t *scales, int8_t *y, int32_t vectors, int32_t shift, int32_t last)
{
#if defined(__XTENSA__)
    EE_ASM("loopgtz %[vectors],1f\n"
           "ee.vld.128.ip q1,%[x],16\n"
           "ee.zero.q q0\n"
           "ee.vzip.8 q0,q1\n" PIE_UNITS("q0") PIE_UNITS("q1") "ee.vunzip.8 q0,q1\n"
           "ee.vst.128.ip q1,%[y],16\n"
           "1:\n"
           : [x] "+r"(x), [scales] "+r"(scales), [y] "+r"(y)
           : [vectors] "r"(vectors), [shift] "r"(shift), [last] "r"(last));
#else
    PIE_LOOP(vectors)
    {
        x = ee_vld_128_ip(1, x, 16);
        ee_zero_q(0);
        ee_vzip_8(0, 1);
        scales = pie_units(0, scales, shift, last);
        scales = pie_units(1, scales, shift, last);
        ee_vunzip_8(0, 1);
        y = ee_vst_128_ip(1, y, 16);
    }
#endif
}
