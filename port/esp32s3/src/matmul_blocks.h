/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Matrix products in blocks of 16 columns, int16 in sums of 40 bits. A product is (a + 128) times what is kept of b;
 * what is then too much is a multiple of the sum of a column of those, with which the column's sums begin.
 */
#pragma once

#include "espdl/esp32s3/matmul.h"
#include "finish.h"
#include "pie_words.h"

/** 16 columns of b, as scratch holds them. */
typedef struct {
    int8_t *weights; /**< 8 columns, then the others, int16; two vectors are read ahead */
    int8_t *starts;  /**< what the sums of either begin with: 2 * SUM_BYTES */
    int8_t *outputs; /**< a vector */
    int8_t *row;     /**< of a, int16 */
    int32_t inner8;  /**< rows of weights */
} block_t;

typedef struct {
    const int8_t *corrections; /**< a vector: what a is too large by, negative */
    const void *arithmetic;    /**< of the outputs */
} matmul_job_t;

/** How the schemes differ. */
typedef struct {
    int32_t factor; /**< 256: what is kept of b is 256 times that; 1: b less its zero point */
    /** Whole columns become weights; q3 holds -128 in each byte. */
    void (*widen)(const matmul_job_t *job, const int8_t *b, const espdl_matmul_params_t *p, const block_t *k);
    /** QACC = what all sums begin with. */
    void (*begin)(const matmul_job_t *job);
    /** 16 outputs to `to`; q3 as it was. */
    void (*multiply)(const matmul_job_t *job, const block_t *k, int8_t *to);
} how_t;

static inline block_t make_block(const espdl_matmul_params_t *p, int8_t *scratch)
{
    block_t k = {.weights = scratch, .inner8 = (p->inner + 7) & ~7};
    k.starts = k.weights + 32 * k.inner8 + 32;
    k.outputs = k.starts + 2 * SUM_BYTES;
    k.row = k.outputs + 16;
    return k;
}

static inline bool is_aligned(const int8_t *x, int32_t step)
{
    return (((uintptr_t)x | (uintptr_t)step) & 15) == 0;
}

/** The half that has the first 8 columns, or the other. */
static inline int8_t *half_of(const block_t *k, int32_t half)
{
    return k->weights + half * 16 * k->inner8;
}

/* The first `count` of 16 columns where they are no whole vectors; what is missing is 0. */
static KEEP_APART void widen_values(const espdl_matmul_params_t *p, const int8_t *b, int32_t count, const block_t *k,
                                    int32_t zero_point, int32_t factor)
{
    for (int32_t column = 0; column < 16; column++, b += p->b_strides[2]) {
        int16_t *to = (int16_t *)(void *)half_of(k, column / 8) + (column & 7);
        const int8_t *from = b;
        for (int32_t i = 0; i < k->inner8; i++, to += 8) {
            *to = 0;
            if (column < count && i < p->inner) {
                *to = (int16_t)((*from - zero_point) * factor);
                from += p->b_strides[1];
            }
        }
    }
}

EE void load_columns(const espdl_matmul_params_t *p, const matmul_job_t *job, const int8_t *b, int32_t count,
                     const block_t *k, const how_t *how)
{
    if (p->b_strides[2] == 1 && is_aligned(b, p->b_strides[1]) && count == 16 && p->inner == k->inner8) {
        how->widen(job, b, p, k);
    } else {
        widen_values(p, b, count, k, how->factor == 1 ? p->b_zero_point : 0, how->factor);
    }
    ee_vld_128_ip(5, job->corrections, 0);
    for (int32_t half = 0; half < 2; half++) {
        const int8_t *w = ee_vld_128_ip(1, half_of(k, half), 16);
        how->begin(job);
        pie_sum_words(w, k->inner8);
        store_sums(k->starts + half * SUM_BYTES);
    }
}

static inline void widen_row(const espdl_matmul_params_t *p, const int8_t *a, const block_t *k)
{
    if (p->a_strides[2] == 1 && is_aligned(a, p->inner)) {
        pie_widen_offset(a, k->row, p->inner / 16);
        return;
    }
    int16_t *to = (int16_t *)(void *)k->row;
    for (int32_t i = 0; i < p->inner; i++, a += p->a_strides[2]) {
        to[i] = (int16_t)(*a + 128);
    }
    for (int32_t i = p->inner; i < k->inner8; i++) {
        to[i] = 0;
    }
}

/** All products; `how` is a constant, whose functions are inlined. */
EE void multiply_matrices(const espdl_matmul_params_t *p, const matmul_job_t *job, const int8_t *a, const int8_t *b,
                          int8_t *y, int8_t *scratch, const how_t *how)
{
    static const int8_t s_minus_128 = -128;
    const block_t block = make_block(p, scratch);
    ee_vldbc_8_ip(3, &s_minus_128, 0);
    for (int32_t i = 0; i < p->batch; i++, a += p->a_strides[0], b += p->b_strides[0], y += p->rows * p->columns) {
        for (int32_t column = 0; column < p->columns; column += 16) {
            const int32_t count = p->columns - column < 16 ? p->columns - column : 16;
            load_columns(p, job, b + column * p->b_strides[2], count, &block, how);
            for (int32_t row = 0; row < p->rows; row++) {
                int8_t *const to = y + row * p->columns + column;
                widen_row(p, a + row * p->a_strides[1], &block);
                if (count == 16 && is_aligned(to, 0)) {
                    how->multiply(job, &block, to);
                } else {
                    how->multiply(job, &block, block.outputs);
                    memcpy(to, block.outputs, (size_t)count);
                }
            }
        }
    }
}
