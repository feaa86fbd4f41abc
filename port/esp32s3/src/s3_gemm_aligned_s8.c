/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_loops.h"
#include "pie_parts.h"
#include "s3_gemm_as_conv2d.h"

/* One input vector, and groups of 16 outputs: the weights are one stream through them. */
typedef struct {
    const int8_t *x, *w, *bias;
    int8_t *y;
    int32_t vectors; /* of the input */
} rows_t;

/* For callers whose parameters the compiler does not know. */
extern void espdl_s3_gemm_aligned_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                                     const int8_t *biases, int8_t *y, int8_t *scratch);

void espdl_s3_gemm_pixels_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                             const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const espdl_s3_conv2d_params_t conv = gemm_as_conv2d(p);
    espdl_s3_conv2d_aligned_s8(&conv, x, weights, biases, y, scratch);
}

EE void multiply(rows_t *r, int32_t groups, const finish_t *f)
{
    const finish_t finish = *f;
    const int8_t *const x = r->x, *w = r->w, *bias = r->bias;
    int8_t *y = r->y;
    const int32_t more = r->vectors - 1;
    for (; groups > 0; groups--) {
        const int8_t *from = x;
        bias = pie_load_bias_ahead(bias);
        pie_mac_vectors(&w, &from, more);
        finish_vector(3, &finish);
        y = ee_vst_128_ip(3, y, 16);
    }
    *r = (rows_t){x, w, bias, y, more + 1};
}

/* The same with sums in parts. */
static KEEP_APART void multiply_parts(rows_t *r, int32_t groups, const finish_t *f, int32_t bits)
{
    _Alignas(16) int8_t aside[16 * ESPDL_S3_MOST_PARTS], spill[BIAS_BYTES];
    const finish_t finish = *f;
    const int8_t *const x = r->x, *w = r->w, *bias = r->bias;
    int8_t *y = r->y;
    for (; groups > 0; groups--) {
        const uint8_t *lengths = (const uint8_t *)bias + BIAS_BYTES - ESPDL_S3_MOST_PARTS;
        const int8_t *from = x;
        int8_t *to = aside;
        int32_t left = r->vectors;
        bias = pie_load_bias_ahead(bias);
        for (; *lengths > 0; lengths++) {
            pie_mac_vectors(&w, &from, *lengths - 1);
            to = set_aside(bits, to, spill);
            left -= *lengths;
        }
        pie_mac_vectors(&w, &from, left - 1);
        finish_parts(aside, (int32_t)(to - aside) / 16, finish.shift);
        ee_vrelu_s8(3, finish.negative, 0);
        y = ee_vst_128_ip(3, y, 16);
    }
    *r = (rows_t){x, w, bias, y, r->vectors};
}

/* `bits`: 0 where no sum is in parts. */
EE void multiply_either(rows_t *r, int32_t groups, const finish_t *f, int32_t bits)
{
    if (bits > 0) {
        multiply_parts(r, groups, f, bits);
    } else {
        multiply(r, groups, f);
    }
}

void espdl_s3_gemm_vectors_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const int32_t groups = p->outputs / 16, rest = p->outputs % 16;
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const int32_t bits = p->parts > 1 ? part_bits(p->shift) : 0;
    if (bits > 0) {
        _Alignas(16) int8_t masks[BIAS_BYTES];
        espdl_s3_fill_lanes(masks, (1 << bits) - 1);
        ee_vld_128_ip(4, masks, 0);
        ee_vld_128_ip(5, masks + 32, 0);
        load_part_factor(bits, p->shift);
    }
    for (int32_t row = 0; row < p->rows; row++) {
        rows_t r = {x + row * p->inputs, weights, biases, y + row * p->outputs, p->inputs / 16};
        r.w = ee_vld_128_ip(1, r.w, 16);
        r.w = ee_vld_128_ip(2, r.w, 16);
        multiply_either(&r, groups, &finish, bits);
        if (rest != 0) {
            int8_t *const to = r.y;
            r.y = scratch;
            multiply_either(&r, 1, &finish, bits);
            memcpy(to, scratch, (size_t)rest);
        }
    }
    espdl_s3_clamp_output(&finish, y, p->rows * p->outputs);
}
