/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Weights are 256 times b: an output is the high byte of what 40 bits leave after the shift, which saturates as int8.
 */
#include "matmul_blocks.h"

typedef struct {
    finish_t finish;
    const int8_t *start;
} shifted_t;

EE void widen_columns(const matmul_job_t *job, const int8_t *b, const espdl_matmul_params_t *p, const block_t *k)
{
    (void)job;
    pie_widen_columns(b, half_of(k, 0), half_of(k, 1), p->inner, p->b_strides[1]);
}

EE void begin_with_start(const matmul_job_t *job)
{
    pie_load_bias(((const shifted_t *)job->arithmetic)->start);
}

EE void multiply(const matmul_job_t *job, const block_t *k, int8_t *to)
{
    const finish_t *f = &((const shifted_t *)job->arithmetic)->finish;
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

void espdl_s3_matmul_s8(const espdl_matmul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start,
                        int8_t *y, int8_t *scratch)
{
    const _Alignas(16) int16_t correction[8] = {(int16_t)(-128 - p->a_zero_point)};
    const shifted_t shifted = {make_finish(p->shift, p->activation_min, p->activation_max), start};
    const matmul_job_t job = {(const int8_t *)correction, &shifted};
    const how_t how = {256, widen_columns, begin_with_start, multiply};
    multiply_matrices(p, &job, a, b, y, scratch, &how);
    espdl_s3_clamp_output(&shifted.finish, y, p->batch * p->rows * p->columns);
}
