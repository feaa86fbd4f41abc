/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"
#include "s3_gemm_as_conv2d.h"

/* One input vector: the weights are one stream through all groups of outputs. */
static void multiply(const espdl_s3_gemm_params_t *p, const finish_t *f, const parts_t *parts, const int8_t *x,
                     const int8_t *weights, const int8_t *bias, int8_t *y)
{
    _Alignas(16) int8_t spill[BIAS_BYTES];
    const finish_t finish = *f;
    const int8_t *w = weights;
    const int32_t count = p->parts, more = p->inputs / 16 / count - 1;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    for (int32_t left = p->outputs; left > 0; left -= 16, bias += BIAS_BYTES) {
        const int8_t *from = x;
        pie_load_bias(bias);
        pie_mac_vectors(&w, &from, more);
        for (int32_t part = 1; part < count; part++) {
            set_aside_part(part - 1, parts, spill);
            w = ee_vld_128_ip(1, w - 32, 16); /* setting aside took q1 */
            w = ee_vld_128_ip(2, w, 16);
            pie_mac_vectors(&w, &from, more);
        }
        if (count > 1) {
            finish_parts(count - 1, &finish);
        } else {
            finish_vector(3, &finish);
        }
        if (left >= 16) {
            y = ee_vst_128_ip(3, y, 16);
        } else {
            ee_vst_128_ip(3, spill, 0);
            memcpy(y, spill, (size_t)left);
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
