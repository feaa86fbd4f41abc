/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"
#include "s3_gemm_as_conv2d.h"

/* One input vector, and groups of 16 outputs: the weights are one stream through them. */
typedef struct {
    const int8_t *x, *w, *bias;
    int8_t *y;
    int32_t vectors; /* of the input */
} rows_t;

static KEEP_APART void by_convolution(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
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
static KEEP_APART void multiply_parts(rows_t *r, int32_t groups, const finish_t *f, const parts_t *parts)
{
    aside_t aside;
    const int32_t asides = parts->parts - 1, part = part_bytes(r->vectors * 16, parts->parts) / 16;
    const int32_t more = part - 1, last_more = r->vectors - asides * part - 1;
    const parts_t own = *parts;
    const finish_t finish = *f;
    const int8_t *const x = r->x, *w = r->w, *bias = r->bias;
    int8_t *y = r->y;
    for (; groups > 0; groups--) {
        const int8_t *from = x;
        int8_t *to = aside.vectors;
        bias = pie_load_bias_ahead(bias);
        for (int32_t i = asides; i > 0; i--) {
            pie_mac_vectors(&w, &from, more);
            to = set_aside(&own, to, aside.spill);
        }
        pie_mac_vectors(&w, &from, last_more);
        finish_parts(&aside, asides, &finish);
        y = ee_vst_128_ip(3, y, 16);
    }
    *r = (rows_t){x, w, bias, y, r->vectors};
}

EE void multiply_either(rows_t *r, int32_t groups, const finish_t *f, const parts_t *parts)
{
    if (parts->parts > 1) {
        multiply_parts(r, groups, f, parts);
    } else {
        multiply(r, groups, f);
    }
}

void espdl_s3_gemm_aligned_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const int32_t groups = p->outputs / 16, rest = p->outputs % 16;
    if (p->rows > 1 && rest != 0) { /* outputs begin anywhere */
        by_convolution(p, x, weights, biases, y, scratch);
        return;
    }
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const parts_t parts = load_parts(p->parts, p->shift, false);
    for (int32_t row = 0; row < p->rows; row++) {
        rows_t r = {x + row * p->inputs, weights, biases, y + row * p->outputs, p->inputs / 16};
        r.w = ee_vld_128_ip(1, r.w, 16);
        r.w = ee_vld_128_ip(2, r.w, 16);
        multiply_either(&r, groups, &finish, &parts);
        if (rest != 0) {
            int8_t *const to = r.y;
            r.y = scratch;
            multiply_either(&r, 1, &finish, &parts);
            memcpy(to, scratch, (size_t)rest);
        }
    }
    clamp_output(&finish, y, p->rows * p->outputs);
}
