/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * A product is (a + 128) * 256 b in 16 bits each; what is then too much is a multiple of the sum of a column of b, with which
 * the column's sums begin. An output is the high byte of what 40 bits leave after the shift, so that it saturates as int8.
 */
#include "espdl/esp32s3/matmul.h"

#include "finish.h"
#include "pie_words.h"

/* 16 columns of b, as scratch holds them. */
typedef struct {
    int8_t *weights; /* 8 columns, then the others, int16; two vectors are read ahead */
    int8_t *starts;  /* what the sums of either begin with: 2 * SUM_BYTES */
    int8_t *outputs; /* a vector */
    int8_t *row;     /* of a, int16 */
    int32_t inner8;  /* rows of weights */
} block_t;

static block_t make_block(const espdl_matmul_params_t *p, int8_t *scratch)
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

/* The first `count` of 16 columns where they are no whole vectors; what is missing is 0. */
static KEEP_APART void widen_values(const espdl_matmul_params_t *p, const int8_t *b, int32_t count, const block_t *k)
{
    for (int32_t column = 0; column < 16; column++, b += p->b_strides[2]) {
        int16_t *to = (int16_t *)(void *)k->weights + (column & 7) + (column < 8 ? 0 : 8 * k->inner8);
        const int8_t *from = b;
        for (int32_t i = 0; i < k->inner8; i++, to += 8) {
            *to = 0;
            if (column < count && i < p->inner) {
                *to = (int16_t)(*from * 256);
                from += p->b_strides[1];
            }
        }
    }
}

static void load_columns(const espdl_matmul_params_t *p, const int8_t *b, int32_t count, const int8_t *start,
                         const block_t *k)
{
    int8_t *const halves[2] = {k->weights, k->weights + 16 * k->inner8};
    if (p->b_strides[2] == 1 && is_aligned(b, p->b_strides[1]) && count == 16 && p->inner == k->inner8) {
        pie_widen_columns(b, halves[0], halves[1], p->inner, p->b_strides[1]);
    } else {
        widen_values(p, b, count, k);
    }
    for (int32_t half = 0; half < 2; half++) {
        const int8_t *w = ee_vld_128_ip(1, halves[half], 16);
        pie_load_bias(start);
        pie_sum_words(w, k->inner8);
        store_sums(k->starts + half * SUM_BYTES);
    }
}

static void widen_row(const espdl_matmul_params_t *p, const int8_t *a, const block_t *k)
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

/* 16 outputs to `to`. */
EE void multiply(const block_t *k, const finish_t *f, int8_t *to)
{
    const int8_t *start = k->starts, *w = k->weights;
    const int32_t vectors = k->inner8 / 8;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    start = pie_load_bias_ahead(start);
    w = pie_mac_words(w, k->row, vectors);
    ee_srcmb_s16_qacc(6, f->shift);
    pie_load_bias_ahead(start);
    pie_mac_words(w, k->row, vectors);
    ee_srcmb_s16_qacc(7, f->shift);
    ee_vunzip_8(6, 7);
    ee_vrelu_s8(7, f->negative, 0);
    ee_vst_128_ip(7, to, 16);
}

void espdl_s3_matmul_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y,
                        int8_t *scratch)
{
    static const int8_t s_minus_128 = -128;
    const _Alignas(16) int16_t correction[8] = {(int16_t)(-128 - p->a_zero_point)};
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const block_t block = make_block(p, scratch);
    int8_t *const outputs = y;
    ee_vldbc_8_ip(3, &s_minus_128, 0);
    ee_vld_128_ip(5, (const int8_t *)correction, 0);
    for (int32_t i = 0; i < p->batch; i++, a += p->a_strides[0], b += p->b_strides[0], y += p->rows * p->columns) {
        for (int32_t column = 0; column < p->columns; column += 16) {
            const int32_t count = p->columns - column < 16 ? p->columns - column : 16;
            load_columns(p, b + column * p->b_strides[2], count, start, &block);
            for (int32_t row = 0; row < p->rows; row++) {
                int8_t *const to = y + row * p->columns + column;
                widen_row(p, a + row * p->a_strides[1], &block);
                if (count == 16 && is_aligned(to, 0)) {
                    multiply(&block, &finish, to);
                } else {
                    multiply(&block, &finish, block.outputs);
                    memcpy(to, block.outputs, (size_t)count);
                }
            }
        }
    }
    espdl_s3_clamp_output(&finish, outputs, p->batch * p->rows * p->columns);
}
