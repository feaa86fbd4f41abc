/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The vector unit of the ESP32-S3: one function per instruction.
 *
 * A name is the mnemonic with underscores. `q` numbers, lanes and `step`s of the `_ip` forms are literals, so these
 * functions need the optimiser (-O1 or more). Functions that move a pointer return it, as the instruction does.
 * On other machines the same names are an exact emulation (pie_emulation.h).
 *
 * - q0 .. q7: 16 bytes each. Vector loads and stores ignore the lowest four bits of the address.
 * - QACC: 16 lanes of 20 bits; every multiply-accumulate saturates every lane.
 * - ACCX: one sum of 40 bits.
 * The compiler knows nothing of these registers. It keeps the order of volatile asm statements, which is all that is
 * needed.
 */
#pragma once

#include <stdint.h>

/** For functions that are rare, or that take many registers: the compiler must not make them part of their caller. */
#define KEEP_APART __attribute__((noinline, unused))

#if !defined(__XTENSA__)

#include "pie_emulation.h"

#else

#define EE static inline __attribute__((always_inline))
#define EE_ASM(...) __asm__ volatile(__VA_ARGS__ : "memory")

/* -- Loads and stores: the address is rounded down to a multiple of the access' size ------------------------------ */

EE const int8_t *ee_vld_128_ip(int q, const int8_t *p, int step)
{
    EE_ASM("ee.vld.128.ip q%1,%0,%2" : "+r"(p) : "n"(q), "n"(step));
    return p;
}

EE const int8_t *ee_vld_128_xp(int q, const int8_t *p, int32_t step)
{
    EE_ASM("ee.vld.128.xp q%1,%0,%2" : "+r"(p) : "n"(q), "r"(step));
    return p;
}

/** ee_vld_128_xp() for an address inside a block, which is meant: the block that holds `p`. */
EE const int8_t *ee_vld_128_block_xp(int q, const int8_t *p, int32_t step)
{
    return ee_vld_128_xp(q, p, step);
}

EE int8_t *ee_vst_128_ip(int q, int8_t *p, int step)
{
    EE_ASM("ee.vst.128.ip q%1,%0,%2" : "+r"(p) : "n"(q), "n"(step));
    return p;
}

EE int8_t *ee_vst_128_xp(int q, int8_t *p, int32_t step)
{
    EE_ASM("ee.vst.128.xp q%1,%0,%2" : "+r"(p) : "n"(q), "r"(step));
    return p;
}

/** The first 8 bytes of a register alone; a multiple of 8. */
EE const int8_t *ee_vld_l_64_xp(int q, const int8_t *p, int32_t step)
{
    EE_ASM("ee.vld.l.64.xp q%1,%0,%2" : "+r"(p) : "n"(q), "r"(step));
    return p;
}

EE int8_t *ee_vst_l_64_ip(int q, int8_t *p, int step)
{
    EE_ASM("ee.vst.l.64.ip q%1,%0,%2" : "+r"(p) : "n"(q), "n"(step));
    return p;
}

/** Every lane becomes the byte at `p`. */
EE const int8_t *ee_vldbc_8_ip(int q, const int8_t *p, int step)
{
    EE_ASM("ee.vldbc.8.ip q%1,%0,%2" : "+r"(p) : "n"(q), "n"(step));
    return p;
}

/** Loads the block that holds `p` and notes the place of `p` in it for ee_src_q(). */
EE const int8_t *ee_ld_128_usar_ip(int q, const int8_t *p, int step)
{
    EE_ASM("ee.ld.128.usar.ip q%1,%0,%2" : "+r"(p) : "n"(q), "n"(step));
    return p;
}

EE const int8_t *ee_ld_128_usar_xp(int q, const int8_t *p, int32_t step)
{
    EE_ASM("ee.ld.128.usar.xp q%1,%0,%2" : "+r"(p) : "n"(q), "r"(step));
    return p;
}

/** to = 16 bytes of low:high, from the noted place on. */
EE void ee_src_q(int to, int low, int high)
{
    EE_ASM("ee.src.q q%0,q%1,q%2" : : "n"(to), "n"(low), "n"(high));
}

/** ee_src_q(), then low = high. */
EE void ee_src_q_qup(int to, int low, int high)
{
    EE_ASM("ee.src.q.qup q%0,q%1,q%2" : : "n"(to), "n"(low), "n"(high));
}

EE void ee_andq(int to, int x, int y)
{
    EE_ASM("ee.andq q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

EE void ee_xorq(int to, int x, int y)
{
    EE_ASM("ee.xorq q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

EE void ee_zero_q(int q)
{
    EE_ASM("ee.zero.q q%0" : : "n"(q));
}

/** The bytes of low and high in turns: the first 8 of each to low, the others to high. */
EE void ee_vzip_8(int low, int high)
{
    EE_ASM("ee.vzip.8 q%0,q%1" : : "n"(low), "n"(high));
}

/** Of the 32 bytes of low:high, those at even places to low, the others to high. */
EE void ee_vunzip_8(int low, int high)
{
    EE_ASM("ee.vunzip.8 q%0,q%1" : : "n"(low), "n"(high));
}

/* -- QACC: lanes 0 .. 7 are QACC_L, 8 .. 15 QACC_H, each 160 bits: the lowest 128, then the highest 32 ------------- */

EE void ee_zero_qacc(void)
{
    EE_ASM("ee.zero.qacc" : :);
}

EE const int8_t *ee_ld_qacc_l_l_128_ip(const int8_t *p, int step)
{
    EE_ASM("ee.ld.qacc_l.l.128.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE const int8_t *ee_ld_qacc_h_l_128_ip(const int8_t *p, int step)
{
    EE_ASM("ee.ld.qacc_h.l.128.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE const int8_t *ee_ld_qacc_l_h_32_ip(const int8_t *p, int step)
{
    EE_ASM("ee.ld.qacc_l.h.32.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE const int8_t *ee_ld_qacc_h_h_32_ip(const int8_t *p, int step)
{
    EE_ASM("ee.ld.qacc_h.h.32.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE int8_t *ee_st_qacc_l_l_128_ip(int8_t *p, int step)
{
    EE_ASM("ee.st.qacc_l.l.128.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE int8_t *ee_st_qacc_h_l_128_ip(int8_t *p, int step)
{
    EE_ASM("ee.st.qacc_h.l.128.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE int8_t *ee_st_qacc_l_h_32_ip(int8_t *p, int step)
{
    EE_ASM("ee.st.qacc_l.h.32.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

EE int8_t *ee_st_qacc_h_h_32_ip(int8_t *p, int step)
{
    EE_ASM("ee.st.qacc_h.h.32.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

/** QACC[i] += x[i] * s[lane]. */
EE void ee_vsmulas_s8_qacc(int x, int s, int lane)
{
    EE_ASM("ee.vsmulas.s8.qacc q%0,q%1,%2" : : "n"(x), "n"(s), "n"(lane));
}

/** ee_vsmulas_s8_qacc(), then q = 16 bytes at `p`, which moves on by 16. */
EE const int8_t *ee_vsmulas_s8_qacc_ld_incp(int q, const int8_t *p, int x, int s, int lane)
{
    EE_ASM("ee.vsmulas.s8.qacc.ld.incp q%1,%0,q%2,q%3,%4" : "+r"(p) : "n"(q), "n"(x), "n"(s), "n"(lane));
    return p;
}

/** QACC[i] += x[i] * y[i]. */
EE void ee_vmulas_s8_qacc(int x, int y)
{
    EE_ASM("ee.vmulas.s8.qacc q%0,q%1" : : "n"(x), "n"(y));
}

EE const int8_t *ee_vmulas_s8_qacc_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    EE_ASM("ee.vmulas.s8.qacc.ld.ip q%1,%0,%2,q%3,q%4" : "+r"(p) : "n"(q), "n"(step), "n"(x), "n"(y));
    return p;
}

EE const int8_t *ee_vmulas_s8_qacc_ld_xp(int q, const int8_t *p, int32_t step, int x, int y)
{
    EE_ASM("ee.vmulas.s8.qacc.ld.xp q%1,%0,%2,q%3,q%4" : "+r"(p) : "n"(q), "r"(step), "n"(x), "n"(y));
    return p;
}

/** QACC[i] >>= shift (towards minus infinity); q[i] = QACC[i] saturated to int8. */
EE void ee_srcmb_s8_qacc(int q, int32_t shift)
{
    EE_ASM("ee.srcmb.s8.qacc q%0,%1,0" : : "n"(q), "r"(shift));
}

/* -- QACC as 8 lanes of 40 bits: each is two of the lanes of 20 bits, the second above the first ------------------- */

/** QACC[i] += x[i] * y[i] of int16. */
EE void ee_vmulas_s16_qacc(int x, int y)
{
    EE_ASM("ee.vmulas.s16.qacc q%0,q%1" : : "n"(x), "n"(y));
}

EE const int8_t *ee_vmulas_s16_qacc_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    EE_ASM("ee.vmulas.s16.qacc.ld.ip q%1,%0,%2,q%3,q%4" : "+r"(p) : "n"(q), "n"(step), "n"(x), "n"(y));
    return p;
}

/** QACC[i] += x[i] * s[lane] of int16. */
EE void ee_vsmulas_s16_qacc(int x, int s, int lane)
{
    EE_ASM("ee.vsmulas.s16.qacc q%0,q%1,%2" : : "n"(x), "n"(s), "n"(lane));
}

/** The same, then q = 16 bytes at `p`, which moves on by 16. */
EE const int8_t *ee_vsmulas_s16_qacc_ld_incp(int q, const int8_t *p, int x, int s, int lane)
{
    EE_ASM("ee.vsmulas.s16.qacc.ld.incp q%1,%0,q%2,q%3,%4" : "+r"(p) : "n"(q), "n"(x), "n"(s), "n"(lane));
    return p;
}

/** QACC[i] >>= shift (towards minus infinity); q[i] = QACC[i] saturated to int16. */
EE void ee_srcmb_s16_qacc(int q, int32_t shift)
{
    EE_ASM("ee.srcmb.s16.qacc q%0,%1,0" : : "n"(q), "r"(shift));
}

/* -- ACCX ---------------------------------------------------------------------------------------------------------- */

/** The lowest 40 of 64 bits at `p`. */
EE const int8_t *ee_ld_accx_ip(const int8_t *p, int step)
{
    EE_ASM("ee.ld.accx.ip %0,%1" : "+r"(p) : "n"(step));
    return p;
}

/** ACCX += sum of all x[i] * y[i]. */
EE void ee_vmulas_s8_accx(int x, int y)
{
    EE_ASM("ee.vmulas.s8.accx q%0,q%1" : : "n"(x), "n"(y));
}

EE const int8_t *ee_vmulas_s8_accx_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    EE_ASM("ee.vmulas.s8.accx.ld.ip q%1,%0,%2,q%3,q%4" : "+r"(p) : "n"(q), "n"(step), "n"(x), "n"(y));
    return p;
}

/** ACCX >> shift (towards minus infinity), saturated to int32. ACCX must be loaded again afterwards. */
EE int32_t ee_srs_accx(int32_t shift)
{
    int32_t result;
    EE_ASM("ee.srs.accx %0,%1,0" : "=r"(result) : "r"(shift));
    return result;
}

/* -- Lanes of int8 and int16 --------------------------------------------------------------------------------------- */

/** Lanes of int16 become -1 where x is less than y, else 0. */
EE void ee_vcmp_lt_s16(int to, int x, int y)
{
    EE_ASM("ee.vcmp.lt.s16 q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

/** Lanes of int16: x - y, saturated. */
EE void ee_vsubs_s16(int to, int x, int y)
{
    EE_ASM("ee.vsubs.s16 q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

/** Lanes of 0 or less become lane * factor >> shift. */
EE void ee_vrelu_s8(int q, int32_t factor, int32_t shift)
{
    EE_ASM("ee.vrelu.s8 q%0,%1,%2" : : "n"(q), "r"(factor), "r"(shift));
}

EE void ee_vmax_s8(int to, int x, int y)
{
    EE_ASM("ee.vmax.s8 q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

EE void ee_vmin_s8(int to, int x, int y)
{
    EE_ASM("ee.vmin.s8 q%0,q%1,q%2" : : "n"(to), "n"(x), "n"(y));
}

#endif
