/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_moves.h"

/* q0 .. q3: the channels of one pixel, or in q0 those of two; q4, q5: weights. */
#define MAC(i) w = ee_vsmulas_s8_qacc_ld_incp(4 + ((i) & 1), w, 4 + ((i) & 1), x, i)
#define MAC8(i) MAC(i); MAC((i) + 1); MAC((i) + 2); MAC((i) + 3); MAC((i) + 4); MAC((i) + 5); MAC((i) + 6); MAC((i) + 7)

EE const int8_t *low_lanes(int x, const int8_t *w)
{
    MAC8(0);
    return w;
}

EE const int8_t *high_lanes(int x, const int8_t *w)
{
    MAC8(8);
    return w;
}

EE const int8_t *all_lanes(int x, const int8_t *w)
{
    w = low_lanes(x, w);
    return high_lanes(x, w);
}

/* `count` pixels of 16 * vectors channels. */
EE int8_t *whole_pixels(int vectors, const finish_t *f, const int8_t *x, int32_t step, const int8_t *weights,
                        const int8_t *biases, int32_t groups, int8_t *y, int32_t count)
{
    const finish_t finish = *f;
    for (; count > 0; count--, x += step) {
        const int8_t *w = weights, *bias = biases, *from = x;
        from = ee_vld_128_ip(0, from, 16);
        if (vectors > 1) {
            from = ee_vld_128_ip(1, from, 16);
        }
        if (vectors > 2) {
            from = ee_vld_128_ip(2, from, 16);
        }
        if (vectors > 3) {
            ee_vld_128_ip(3, from, 16);
        }
        w = ee_vld_128_ip(4, w, 16);
        w = ee_vld_128_ip(5, w, 16);
        for (int32_t group = groups; group > 0; group--) {
            bias = pie_load_bias_ahead(bias);
            w = all_lanes(0, w);
            w = vectors > 1 ? all_lanes(1, w) : w;
            w = vectors > 2 ? all_lanes(2, w) : w;
            w = vectors > 3 ? all_lanes(3, w) : w;
            finish_vector(6, &finish);
            y = ee_vst_128_ip(6, y, 16);
        }
    }
    return y;
}

/* Pairs of pixels of 8 channels; the weights stand there twice. */
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
            w = low_lanes(0, w);
            finish_vector(6, &finish);
            y = ee_vst_128_ip(6, y, 16);
        }
        bias = biases;
        for (int32_t group = groups; group > 0; group--) {
            bias = pie_load_bias_ahead(bias);
            w = high_lanes(0, w);
            finish_vector(6, &finish);
            y = ee_vst_128_ip(6, y, 16);
        }
    }
}

void espdl_s3_conv2d_pointwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y)
{
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const int32_t groups = p->output_channels / 16, step = p->stride_width * p->input_channels;
    const bool dense = p->stride_width == 1 && p->stride_height == 1;
    const int32_t rows = dense ? 1 : p->output_height;
    const int32_t count = dense ? p->output_height * p->output_width : p->output_width;
    const int32_t row_bytes = p->stride_height * p->input_width * p->input_channels;
    int8_t *to = y;
    for (int32_t row = 0; row < rows; row++, x += row_bytes) {
        switch (p->input_channels) {
        case 8: pairs(&finish, x, weights, biases, groups, to, count / 2); break;
        case 16: to = whole_pixels(1, &finish, x, step, weights, biases, groups, to, count); break;
        case 32: to = whole_pixels(2, &finish, x, step, weights, biases, groups, to, count); break;
        case 48: to = whole_pixels(3, &finish, x, step, weights, biases, groups, to, count); break;
        default: to = whole_pixels(4, &finish, x, step, weights, biases, groups, to, count); break;
        }
    }
    clamp_output(&finish, y, p->output_height * p->output_width * p->output_channels);
}
