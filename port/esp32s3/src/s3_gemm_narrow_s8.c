/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "finish.h"
#include "pie_loops.h"
#include "s3_gemm_as_conv2d.h"

#define MAC2(i)                                                                                                        \
    w = ee_vsmulas_s8_qacc_ld_incp(1, w, 1, 0, i);                                                                     \
    w = ee_vsmulas_s8_qacc_ld_incp(2, w, 2, 0, (i) + 1)

/* One input vector of `lanes` (even) bytes, in q0; the weights are one stream through all groups of outputs. */
EE void multiply(int lanes, const finish_t *f, const int8_t *w, const int8_t *bias, int8_t *y, int32_t outputs)
{
    _Alignas(16) int8_t last[16];
    const finish_t finish = *f;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    for (int32_t left = outputs; left > 0; left -= 16) {
        bias = pie_load_bias_ahead(bias);
        MAC2(0);
        if (lanes > 2) {
            MAC2(2);
        }
        if (lanes > 4) {
            MAC2(4);
        }
        if (lanes > 6) {
            MAC2(6);
        }
        if (lanes > 8) {
            MAC2(8);
        }
        if (lanes > 10) {
            MAC2(10);
        }
        if (lanes > 12) {
            MAC2(12);
        }
        if (lanes > 14) {
            MAC2(14);
        }
        finish_vector(3, &finish);
        if (left >= 16) {
            y = ee_vst_128_ip(3, y, 16);
        } else {
            ee_vst_128_ip(3, last, 0);
            memcpy(y, last, (size_t)left);
        }
    }
}

/* For callers whose parameters the compiler does not know. */
extern void espdl_s3_gemm_narrow_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                                    const int8_t *biases, int8_t *y, int8_t *scratch);

void espdl_s3_gemm_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_gemm_params_t *p, const int8_t *x,
                              const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const espdl_s3_conv2d_params_t conv = gemm_as_conv2d(p);
    espdl_s3_conv2d_by_rows_s8(rows, &conv, x, weights, biases, y, scratch);
}

void espdl_s3_gemm_vector_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                             const int8_t *biases, int8_t *y)
{
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    ee_vld_128_ip(0, x, 0); /* what lies behind an odd number of inputs meets weights of zero */
    switch ((p->inputs + 1) & ~1) {
    case 2: multiply(2, &finish, weights, biases, y, p->outputs); break;
    case 4: multiply(4, &finish, weights, biases, y, p->outputs); break;
    case 6: multiply(6, &finish, weights, biases, y, p->outputs); break;
    case 8: multiply(8, &finish, weights, biases, y, p->outputs); break;
    case 10: multiply(10, &finish, weights, biases, y, p->outputs); break;
    case 12: multiply(12, &finish, weights, biases, y, p->outputs); break;
    case 14: multiply(14, &finish, weights, biases, y, p->outputs); break;
    default: multiply(16, &finish, weights, biases, y, p->outputs); break;
    }
    espdl_s3_clamp_output(&finish, y, p->outputs);
}
