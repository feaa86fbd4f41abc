/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_loops.h"

/* All taps inside: the weights are one stream through all rows. */
EE void inner_pixels(const conv_job_t *j, const conv_run_t *r, const segments_t *s)
{
    const finish_t finish = j->finish;
    const int8_t *const weights = s->weights, *const bias = s->bias;
    const int8_t *x = r->x;
    int8_t *y = r->y;
    const int32_t step = j->columns.stride * j->pixel_bytes, y_step = r->y_step;
    const int32_t rows = s->inner, more = s->bytes / 16 - 1, jump = s->x_inner - s->bytes;
    for (int32_t count = r->count; count > 0; count--) {
        const int8_t *w = weights, *from = x;
        w = ee_vld_128_ip(1, w, 16);
        w = ee_vld_128_ip(2, w, 16);
        pie_load_bias(bias);
        for (int32_t row = rows; row > 0; row--) {
            pie_mac_vectors(&w, &from, more);
            from += jump;
        }
        finish_vector(3, &finish);
        y = ee_vst_128_xp(3, y, y_step);
        x += step;
    }
}

/* Some taps in the border, or dilated: every segment begins at a place of its own in the weights. */
EE void other_pixels(const conv_job_t *j, const conv_run_t *r, const segments_t *s)
{
    const int8_t *x = r->x;
    int8_t *y = r->y;
    for (int32_t count = r->count; count > 0; count--) {
        pie_load_bias(s->bias);
        for (int32_t outer = 0; outer < s->outer; outer++) {
            for (int32_t inner = 0; inner < s->inner; inner++) {
                const int8_t *w = s->weights + outer * s->w_outer + inner * s->w_inner;
                const int8_t *from = x + outer * s->x_outer + inner * s->x_inner;
                w = ee_vld_128_ip(1, w, 16);
                w = ee_vld_128_ip(2, w, 16);
                pie_mac_vectors(&w, &from, s->bytes / 16 - 1);
            }
        }
        finish_vector(3, &j->finish);
        y = ee_vst_128_xp(3, y, r->y_step);
        x += j->columns.stride * j->pixel_bytes;
    }
}

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const segment_constants_t *c = context;
    const segments_t s = make_segments(j, r, c);
    if (!c->dilated && r->columns.count == c->kernel_width) {
        inner_pixels(j, r, &s);
    } else {
        other_pixels(j, r, &s);
    }
}

void espdl_s3_conv2d_aligned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const conv_job_t job = make_conv_job(p, 16, y, scratch);
    const segment_constants_t constants = make_segment_constants(p, weights, biases);
    conv_run(&job, x, pixels, &constants);
}
