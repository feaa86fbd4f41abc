/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The vector unit of the ESP32-S3 on other machines, bit for bit. pie.h says what each function is.
 * Fused instructions first compute with the old registers, then load.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "espdl/esp32s3/emulation.h"

#define EE static inline __attribute__((unused))

/** The registers of the calling thread. */
extern _Thread_local struct espdl_pie_state {
    int8_t q[8][16];
    int32_t qacc[16]; /* 20 bits, sign-extended */
    int64_t accx;     /* 40 bits, sign-extended */
    uint32_t sar_byte;
    uint64_t operations;
    uint64_t misaligned;
} espdl_pie;

EE int32_t pie_saturate(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

EE const int8_t *pie_aligned(const void *p, uintptr_t bytes)
{
    espdl_pie.misaligned += ((uintptr_t)p & (bytes - 1)) != 0;
    return (const int8_t *)((uintptr_t)p & ~(bytes - 1));
}

EE void pie_load(int q, const int8_t *p)
{
    ESPDL_PIE_WATCH_LOAD(p);
    memcpy(espdl_pie.q[q], pie_aligned(p, 16), 16);
}

EE void pie_store(const void *from, int8_t *p, uintptr_t bytes)
{
    memcpy((int8_t *)(uintptr_t)pie_aligned(p, bytes), from, bytes);
}

EE void pie_shift_pair(int to, int low, int high)
{
    int8_t pair[32];
    memcpy(pair, espdl_pie.q[low], 16);
    memcpy(pair + 16, espdl_pie.q[high], 16);
    memcpy(espdl_pie.q[to], pair + espdl_pie.sar_byte, 16);
}

EE void pie_accumulate(int x, const int8_t *y, int y_step)
{
    for (int i = 0; i < 16; i++) {
        espdl_pie.qacc[i] = pie_saturate(espdl_pie.qacc[i] + espdl_pie.q[x][i] * y[i * y_step], -0x80000, 0x7FFFF);
    }
}

EE void pie_dot(int x, int y)
{
    int64_t sum = espdl_pie.accx;
    for (int i = 0; i < 16; i++) {
        sum += espdl_pie.q[x][i] * espdl_pie.q[y][i];
    }
    const int64_t limit = INT64_C(1) << 39;
    espdl_pie.accx = sum < -limit ? -limit : sum >= limit ? limit - 1 : sum;
}

/* The twin of `loopgtz`. */
#define PIE_LOOP(count) for (int32_t pie_i = (count); pie_i > 0; pie_i--)

EE void pie_op(void)
{
    espdl_pie.operations++;
}

EE const int8_t *ee_vld_128_ip(int q, const int8_t *p, int step)
{
    pie_op();
    pie_load(q, p);
    return p + step;
}

EE const int8_t *ee_vld_128_xp(int q, const int8_t *p, int32_t step)
{
    return ee_vld_128_ip(q, p, step);
}

EE const int8_t *ee_vld_128_block_xp(int q, const int8_t *p, int32_t step)
{
    ee_vld_128_ip(q, (const int8_t *)((uintptr_t)p & ~(uintptr_t)15), 0);
    return p + step;
}

EE int8_t *ee_vst_128_ip(int q, int8_t *p, int step)
{
    pie_op();
    pie_store(espdl_pie.q[q], p, 16);
    return p + step;
}

EE int8_t *ee_vst_128_xp(int q, int8_t *p, int32_t step)
{
    return ee_vst_128_ip(q, p, step);
}

EE const int8_t *ee_vld_l_64_xp(int q, const int8_t *p, int32_t step)
{
    pie_op();
    memcpy(espdl_pie.q[q], pie_aligned(p, 8), 8);
    return p + step;
}

EE int8_t *ee_vst_l_64_ip(int q, int8_t *p, int step)
{
    pie_op();
    pie_store(espdl_pie.q[q], p, 8);
    return p + step;
}

EE const int8_t *ee_vldbc_8_ip(int q, const int8_t *p, int step)
{
    pie_op();
    memset(espdl_pie.q[q], *p, 16);
    return p + step;
}

EE const int8_t *ee_ld_128_usar_ip(int q, const int8_t *p, int step)
{
    pie_op();
    espdl_pie.sar_byte = (uint32_t)((uintptr_t)p & 15);
    memcpy(espdl_pie.q[q], (const int8_t *)((uintptr_t)p & ~(uintptr_t)15), 16);
    return p + step;
}

EE const int8_t *ee_ld_128_usar_xp(int q, const int8_t *p, int32_t step)
{
    return ee_ld_128_usar_ip(q, p, step);
}

EE void ee_src_q(int to, int low, int high)
{
    pie_op();
    pie_shift_pair(to, low, high);
}

EE void ee_src_q_qup(int to, int low, int high)
{
    pie_op();
    int8_t old[16];
    memcpy(old, espdl_pie.q[high], 16);
    pie_shift_pair(to, low, high);
    memcpy(espdl_pie.q[low], old, 16);
}

EE void ee_andq(int to, int x, int y)
{
    pie_op();
    for (int i = 0; i < 16; i++) {
        espdl_pie.q[to][i] = espdl_pie.q[x][i] & espdl_pie.q[y][i];
    }
}

EE void ee_xorq(int to, int x, int y)
{
    pie_op();
    for (int i = 0; i < 16; i++) {
        espdl_pie.q[to][i] = espdl_pie.q[x][i] ^ espdl_pie.q[y][i];
    }
}

EE void ee_vzip_8(int low, int high)
{
    pie_op();
    int8_t zipped[32];
    for (int i = 0; i < 16; i++) {
        zipped[2 * i] = espdl_pie.q[low][i];
        zipped[2 * i + 1] = espdl_pie.q[high][i];
    }
    memcpy(espdl_pie.q[low], zipped, 16);
    memcpy(espdl_pie.q[high], zipped + 16, 16);
}

EE void ee_vunzip_8(int low, int high)
{
    pie_op();
    int8_t pair[32];
    memcpy(pair, espdl_pie.q[low], 16);
    memcpy(pair + 16, espdl_pie.q[high], 16);
    for (int i = 0; i < 16; i++) {
        espdl_pie.q[low][i] = pair[2 * i];
        espdl_pie.q[high][i] = pair[2 * i + 1];
    }
}

EE void ee_zero_q(int q)
{
    pie_op();
    memset(espdl_pie.q[q], 0, 16);
}

EE void ee_zero_qacc(void)
{
    pie_op();
    memset(espdl_pie.qacc, 0, sizeof espdl_pie.qacc);
}

/* Bits [from, from + 8 * bytes) of the half of QACC that begins at lane `first`. */
void espdl_pie_set_qacc(int first, int from, const int8_t *p, int bytes);
void espdl_pie_get_qacc(int first, int from, int8_t *p, int bytes);

EE const int8_t *ee_ld_qacc_l_l_128_ip(const int8_t *p, int step)
{
    pie_op();
    espdl_pie_set_qacc(0, 0, pie_aligned(p, 16), 16);
    return p + step;
}

EE const int8_t *ee_ld_qacc_h_l_128_ip(const int8_t *p, int step)
{
    pie_op();
    espdl_pie_set_qacc(8, 0, pie_aligned(p, 16), 16);
    return p + step;
}

EE const int8_t *ee_ld_qacc_l_h_32_ip(const int8_t *p, int step)
{
    pie_op();
    espdl_pie_set_qacc(0, 128, pie_aligned(p, 4), 4);
    return p + step;
}

EE const int8_t *ee_ld_qacc_h_h_32_ip(const int8_t *p, int step)
{
    pie_op();
    espdl_pie_set_qacc(8, 128, pie_aligned(p, 4), 4);
    return p + step;
}

EE int8_t *ee_st_qacc_l_l_128_ip(int8_t *p, int step)
{
    pie_op();
    espdl_pie_get_qacc(0, 0, (int8_t *)(uintptr_t)pie_aligned(p, 16), 16);
    return p + step;
}

EE int8_t *ee_st_qacc_h_l_128_ip(int8_t *p, int step)
{
    pie_op();
    espdl_pie_get_qacc(8, 0, (int8_t *)(uintptr_t)pie_aligned(p, 16), 16);
    return p + step;
}

EE int8_t *ee_st_qacc_l_h_32_ip(int8_t *p, int step)
{
    pie_op();
    espdl_pie_get_qacc(0, 128, (int8_t *)(uintptr_t)pie_aligned(p, 4), 4);
    return p + step;
}

EE int8_t *ee_st_qacc_h_h_32_ip(int8_t *p, int step)
{
    pie_op();
    espdl_pie_get_qacc(8, 128, (int8_t *)(uintptr_t)pie_aligned(p, 4), 4);
    return p + step;
}

EE void ee_vsmulas_s8_qacc(int x, int s, int lane)
{
    pie_op();
    pie_accumulate(x, &espdl_pie.q[s][lane], 0);
}

EE const int8_t *ee_vsmulas_s8_qacc_ld_incp(int q, const int8_t *p, int x, int s, int lane)
{
    ee_vsmulas_s8_qacc(x, s, lane);
    pie_load(q, p);
    return p + 16;
}

EE void ee_vmulas_s8_qacc(int x, int y)
{
    pie_op();
    pie_accumulate(x, espdl_pie.q[y], 1);
}

EE const int8_t *ee_vmulas_s8_qacc_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    ee_vmulas_s8_qacc(x, y);
    pie_load(q, p);
    return p + step;
}

EE const int8_t *ee_vmulas_s8_qacc_ld_xp(int q, const int8_t *p, int32_t step, int x, int y)
{
    return ee_vmulas_s8_qacc_ld_ip(q, p, step, x, y);
}

EE void ee_srcmb_s8_qacc(int q, int32_t shift)
{
    pie_op();
    for (int i = 0; i < 16; i++) {
        espdl_pie.qacc[i] >>= shift;
        espdl_pie.q[q][i] = (int8_t)pie_saturate(espdl_pie.qacc[i], -128, 127);
    }
}

/* Lanes of 40 bits: += x[i] * y[i * y_step] of int16; >>= shift, then int16 to q. */
void espdl_pie_accumulate_wide(int x, const int8_t *y, int y_step);
void espdl_pie_shift_wide(int q, int32_t shift);

EE void ee_vmulas_s16_qacc(int x, int y)
{
    pie_op();
    espdl_pie_accumulate_wide(x, espdl_pie.q[y], 1);
}

EE const int8_t *ee_vmulas_s16_qacc_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    ee_vmulas_s16_qacc(x, y);
    pie_load(q, p);
    return p + step;
}

EE void ee_vsmulas_s16_qacc(int x, int s, int lane)
{
    pie_op();
    espdl_pie_accumulate_wide(x, &espdl_pie.q[s][2 * lane], 0);
}

EE const int8_t *ee_vsmulas_s16_qacc_ld_incp(int q, const int8_t *p, int x, int s, int lane)
{
    ee_vsmulas_s16_qacc(x, s, lane);
    pie_load(q, p);
    return p + 16;
}

EE void ee_srcmb_s16_qacc(int q, int32_t shift)
{
    pie_op();
    espdl_pie_shift_wide(q, shift);
}

EE const int8_t *ee_ld_accx_ip(const int8_t *p, int step)
{
    pie_op();
    uint64_t bits;
    memcpy(&bits, pie_aligned(p, 8), 8);
    espdl_pie.accx = (int64_t)(bits << 24) >> 24;
    return p + step;
}

EE void ee_vmulas_s8_accx(int x, int y)
{
    pie_op();
    pie_dot(x, y);
}

EE const int8_t *ee_vmulas_s8_accx_ld_ip(int q, const int8_t *p, int step, int x, int y)
{
    ee_vmulas_s8_accx(x, y);
    pie_load(q, p);
    return p + step;
}

EE int32_t ee_srs_accx(int32_t shift)
{
    pie_op();
    const int64_t value = espdl_pie.accx >> shift;
    return (int32_t)(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : value);
}

#include "pie_emulation_lanes.h"
