/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * From sums to the output: requantisation, activation, outputs that are no whole vectors.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pie_moves.h"

/** Bytes of the packed biases of 16 channels: QACC in 40, then how their sums are parted. */
#define BIAS_BYTES 48

/** Of the sums of 16 channels: QACC, and room for 8 bytes. */
#define SUM_BYTES BIAS_BYTES

/** Stores QACC; the next sums. */
EE int8_t *store_sums(int8_t *to)
{
    to = ee_st_qacc_l_l_128_ip(to, 16);
    to = ee_st_qacc_h_l_128_ip(to, 16);
    to = ee_st_qacc_l_h_32_ip(to, 4);
    return ee_st_qacc_h_h_32_ip(to, 12);
}

/** q = the 16 bytes at `p` AND q`mask`, which are stored there again. */
EE int8_t *keep_bits(int q, int mask, int8_t *p, int step)
{
    p += ee_vld_128_ip(q, p, 0) - p;
    ee_andq(q, q, mask);
    return ee_vst_128_ip(q, p, step);
}

/** `count` vectors of zero at `to`; their end. Changes q3. */
EE int8_t *store_zeros(int8_t *to, int32_t count)
{
    ee_zero_q(3);
    for (; count > 0; count--) {
        to = ee_vst_128_ip(3, to, 16);
    }
    return to;
}

/** Requantisation by the vector unit. `negative`: factor for results of 0 or less. */
typedef struct {
    int32_t shift, negative;
    bool clamps;      /**< the output needs espdl_s3_clamp_output() */
    int8_t low, high;
} finish_t;

static inline finish_t make_finish(int32_t shift, int32_t low, int32_t high)
{
    const bool plain = high == 127 && (low == -128 || low == 0);
    return (finish_t){shift, low == 0 ? 0 : 1, !plain, (int8_t)low, (int8_t)high};
}

/** Of results that are shifted and saturated as int8 already. */
static inline finish_t make_clamp(int32_t low, int32_t high)
{
    return (finish_t){.clamps = low > INT8_MIN || high < INT8_MAX, .low = (int8_t)low, .high = (int8_t)high};
}

/** q = 16 results from QACC. */
EE void finish_vector(int q, const finish_t *f)
{
    ee_srcmb_s8_qacc(q, f->shift);
    ee_vrelu_s8(q, f->negative, 0);
}

/** The packed bytes of 16 lanes of QACC that all hold `value`; `packed` is a multiple of 16. */
void espdl_s3_fill_lanes(int8_t packed[BIAS_BYTES], int32_t value);

/** What requantisation and ReLU do not: any other clamp. `y` is a multiple of 16. */
void espdl_s3_clamp_output(const finish_t *f, int8_t *y, int32_t bytes);

typedef uint32_t __attribute__((may_alias)) word_t;
typedef uint16_t __attribute__((may_alias)) half_t;

/* Copies a vector, of which `from` is a multiple of 16, in the largest pieces that `to` allows. */
static inline void copy_vector(const int8_t *from, int8_t *to)
{
    const word_t *words = (const word_t *)(const void *)from;
    if (((uintptr_t)to & 3) == 0) {
        word_t *y = (word_t *)(void *)to;
        y[0] = words[0];
        y[1] = words[1];
        y[2] = words[2];
        y[3] = words[3];
    } else if (((uintptr_t)to & 1) == 0) {
        half_t *y = (half_t *)(void *)to;
        for (int32_t i = 4; i > 0; i--, y += 2, words++) {
            y[0] = (half_t)*words;
            y[1] = (half_t)(*words >> 16);
        }
    } else {
        for (int32_t i = 4; i > 0; i--, to += 4, words++) {
            to[0] = (int8_t)*words;
            to[1] = (int8_t)(*words >> 8);
            to[2] = (int8_t)(*words >> 16);
            to[3] = (int8_t)(*words >> 24);
        }
    }
}

/* Copies the first `lanes` (1 .. 15) of a vector. */
static inline void copy_lanes(const int8_t *from, int8_t *to, int32_t lanes)
{
    if ((((uintptr_t)to | (uintptr_t)lanes) & 3) == 0) {
        const word_t *words = (const word_t *)(const void *)from;
        for (word_t *y = (word_t *)(void *)to, *const end = y + lanes / 4; y != end; y++, words++) {
            *y = *words;
        }
    } else {
        memcpy(to, from, (size_t)lanes);
    }
}

/** Copies the first `lanes` of each of `count` vectors to `y`, `step` bytes apart. */
static inline void scatter(const int8_t *vectors, int8_t *y, int32_t count, int32_t lanes, int32_t step)
{
    for (; count > 0; count--, vectors += 16, y += step) {
        if (lanes == 16) {
            copy_vector(vectors, y);
        } else {
            copy_lanes(vectors, y, lanes);
        }
    }
}
