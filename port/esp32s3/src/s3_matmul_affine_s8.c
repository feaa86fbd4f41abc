/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "matmul_blocks.h"
#include "words.h"

EE void widen_columns(const matmul_job_t *job, const int8_t *b, const espdl_matmul_params_t *p, const block_t *k)
{
    ee_vld_128_ip(6, ((const word_scales_t *)job->arithmetic)->b_offset, 0);
    pie_widen_columns_less(b, half_of(k, 0), half_of(k, 1), p->inner, p->b_strides[1]);
}

EE void begin_with_zero(const matmul_job_t *job)
{
    (void)job;
    ee_zero_qacc();
}

/* Register h = 256 times the outputs of the 8 sums in QACC. Changes q0, q4, q5, q6. */
EE void outputs_of(int h, const word_scales_t *s, int8_t *spill)
{
    store_sums(spill);
    ee_srcmb_s16_qacc(h, s->bits);
    pie_load_bias(spill);
    ee_vsmulas_s16_qacc(h, 7, MINUS_UNIT_OF_WORDS);
    ee_srcmb_s16_qacc(0, 0);
    scale_words(h, 0, s);
}

EE void multiply(const matmul_job_t *job, const block_t *k, int8_t *to)
{
    _Alignas(16) int8_t spill[SUM_BYTES];
    const word_scales_t s = *(const word_scales_t *)job->arithmetic; /* stays in registers */
    const int8_t *start = k->starts, *w = k->weights;
    const int32_t vectors = k->inner8 / 8;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    start = pie_load_bias_ahead(start);
    w = pie_mac_words(w, k->row, vectors);
    outputs_of(3, &s, spill);
    pie_load_bias_ahead(start);
    pie_mac_words(w, k->row, vectors);
    outputs_of(2, &s, spill);
    ee_vunzip_8(3, 2);
    ee_vst_128_ip(2, to, 16);
    ee_vld_128_ip(3, s.signs, 0);
}

void espdl_s3_matmul_affine_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *scales,
                               int8_t *y, int8_t *scratch)
{
    const word_scales_t s = make_word_scales(scales);
    const matmul_job_t job = {s.lanes, &s};
    const how_t how = {1, widen_columns, begin_with_zero, multiply};
    const finish_t clamp = make_clamp(p->activation_min, p->activation_max);
    ee_vld_128_ip(7, s.lanes, 0);
    multiply_matrices(p, &job, a, b, y, scratch, &how);
    espdl_s3_clamp_output(&clamp, y, p->batch * p->rows * p->columns);
}
