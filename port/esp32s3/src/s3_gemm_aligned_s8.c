/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"
#include "s3_gemm_as_conv2d.h"

/* One input vector: the weights are one stream through all groups of outputs. */
static void multiply(const espdl_s3_gemm_params_t *p, const finish_t *f, const parts_t *parts, const int8_t *x,
                     const int8_t *weights, const int8_t *bias, int8_t *y)
{
    aside_t aside;
    const finish_t finish = *f;
    const int8_t *w = weights;
    const int32_t asides = p->parts - 1, part = part_bytes(p->inputs, p->parts) / 16;
    const int32_t more = part - 1, last_more = p->inputs / 16 - asides * part - 1;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    for (int32_t left = p->outputs; left > 0; left -= 16, bias += BIAS_BYTES) {
        const int8_t *from = x;
        pie_load_bias(bias);
        int8_t *to = aside.vectors;
        for (int32_t i = asides; i > 0; i--) {
            pie_mac_vectors(&w, &from, more);
            to = set_aside(parts, to, aside.spill);
        }
        pie_mac_vectors(&w, &from, last_more);
        if (asides > 0) {
            finish_parts(&aside, to, &finish);
        } else {
            finish_vector(3, &finish);
        }
        if (left >= 16) {
            y = ee_vst_128_ip(3, y, 16);
        } else {
            ee_vst_128_ip(3, aside.spill, 0);
            memcpy(y, aside.spill, (size_t)left);
        }
    }
}

void espdl_s3_gemm_aligned_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const espdl_s3_conv2d_params_t conv = gemm_as_conv2d(p);
    if (p->rows > 1 && p->outputs % 16 != 0) { /* outputs begin anywhere */
        espdl_s3_conv2d_aligned_s8(&conv, x, weights, biases, y, scratch);
        return;
    }
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    aligned_t context = {.residual = {.from = NULL}};
    load_aligned(&context, &conv, NULL);
    for (int32_t row = 0; row < p->rows; row++) {
        multiply(p, &finish, &context.parts, x + row * p->inputs, weights, biases, y + row * p->outputs);
    }
    clamp_output(&finish, y, p->rows * p->outputs);
}
