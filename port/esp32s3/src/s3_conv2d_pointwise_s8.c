/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_pointwise.h"

/* q0: the channels of two pixels; q4, q5: weights. */
#define MAC(i) w = ee_vsmulas_s8_qacc_ld_incp(4 + ((i) & 1), w, 4 + ((i) & 1), 0, i)
#define MAC8(i) MAC(i); MAC((i) + 1); MAC((i) + 2); MAC((i) + 3); MAC((i) + 4); MAC((i) + 5); MAC((i) + 6); MAC((i) + 7)

/* Pairs of pixels of 8 channels with several groups of outputs; the weights stand there twice. */
static void pairs(const finish_t *f, const int8_t *x, const int8_t *weights, const int8_t *biases, int32_t groups,
                  int8_t *y, int32_t count)
{
    const finish_t finish = *f;
    for (; count > 0; count--) {
        const int8_t *w = weights, *bias = biases;
        x = ee_vld_128_ip(0, x, 16);
        w = ee_vld_128_ip(4, w, 16);
        w = ee_vld_128_ip(5, w, 16);
        for (int32_t group = groups; group > 0; group--) {
            bias = pie_load_bias_ahead(bias);
            MAC8(0);
            finish_vector(7, &finish);
            y = ee_vst_128_ip(7, y, 16);
        }
        bias = biases;
        for (int32_t group = groups; group > 0; group--) {
            bias = pie_load_bias_ahead(bias);
            MAC8(8);
            finish_vector(7, &finish);
            y = ee_vst_128_ip(7, y, 16);
        }
    }
}

static void whole_pixels(const espdl_s3_conv2d_params_t *p, pie_places_t at, int32_t groups)
{
    const bool dense = p->stride_width == 1 && p->stride_height == 1;
    const int32_t vectors = p->input_channels / 16, step = p->stride_width * p->input_channels;
    pie_rectangle_t r; /* what this block does not read stays open */
    r.shift = p->shift;
    r.next = step - 16 * (vectors - 1);
    r.y_next = 0;
    r.rows = dense ? 1 : p->output_height;
    r.columns = dense ? p->output_height * p->output_width : p->output_width;
    r.x_next = p->stride_height * p->input_width * p->input_channels - r.columns * step;
    switch (vectors) {
    case 1: pie_pointwise(1, at, &r, groups); break;
    case 2: pie_pointwise(2, at, &r, groups); break;
    case 3: pie_pointwise(3, at, &r, groups); break;
    default: pie_pointwise(4, at, &r, groups); break;
    }
}

void espdl_s3_conv2d_pointwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y)
{
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const int32_t groups = p->output_channels / 16, count = p->output_height * p->output_width;
    const pie_places_t at = {x, weights, biases, y, NULL};
    ee_vldbc_8_ip(6, &finish.low, 0);
    if (p->input_channels > 8) {
        whole_pixels(p, at, groups);
    } else if (groups == 1) {
        pie_pointwise_pairs(at, count / 2, p->shift);
    } else {
        pairs(&finish, x, weights, biases, groups, y, count / 2);
    }
    espdl_s3_clamp_output(&finish, y, count * p->output_channels);
}
