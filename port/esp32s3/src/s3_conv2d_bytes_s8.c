/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_loops.h"

#define MAC(i) w = ee_vsmulas_s8_qacc_ld_incp(1 + ((i) & 1), w, 1 + ((i) & 1), 0, i)
#define MAC4(i) MAC(i); MAC((i) + 1); MAC((i) + 2); MAC((i) + 3)

/* QACC += weights times the last 1 .. 16 bytes of a segment, which end at `last`; q3 holds the block before, q5 the mask. The
 * weights that come on top to make whole fours meet zeros. */
EE void add_tail(const int8_t *w, const int8_t *last, int32_t lanes)
{
    ee_vld_128_block_xp(4, last, 0);
    ee_src_q(0, 3, 4);
    ee_andq(0, 0, 5);
    MAC4(0);
    if (lanes > 4) {
        MAC4(4);
    }
    if (lanes > 8) {
        MAC4(8);
    }
    if (lanes > 12) {
        MAC4(12);
    }
}

EE void add_segment(const int8_t *w, const int8_t *x, int32_t vectors, int32_t rest)
{
    const int8_t *from = x;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    from = ee_ld_128_usar_ip(3, from, 16);
    pie_mac_unaligned(&w, &from, vectors);
    add_tail(w, x + vectors * 16 + rest - 1, rest);
}

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const segments_t s = make_segments(j, r, context);
    const int32_t vectors = (s.bytes - 1) / 16, rest = s.bytes - vectors * 16;
    const int8_t *x = r->x;
    int8_t *y = r->y;
    if (rest > 0) {
        pie_mask(5, rest);
    }
    for (int32_t count = r->count; count > 0; count--) {
        pie_load_bias(s.bias);
        for (int32_t outer = 0; outer < s.outer; outer++) {
            for (int32_t inner = 0; inner < s.inner; inner++) {
                add_segment(s.weights + outer * s.w_outer + inner * s.w_inner,
                            x + outer * s.x_outer + inner * s.x_inner, vectors, rest);
            }
        }
        finish_vector(6, &j->finish);
        y = ee_vst_128_xp(6, y, r->y_step);
        x += j->columns.stride * j->pixel_bytes;
    }
}

void espdl_s3_conv2d_bytes_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const conv_job_t job = make_conv_job(p, y, scratch);
    const segment_constants_t constants = make_segment_constants(p, weights, biases);
    conv_run(&job, x, pixels, &constants);
}
