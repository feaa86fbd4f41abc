/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_loops.h"

/* Weights [group][kernel row][lanes][16]; lanes: the bytes of a kernel row, made even by weights of zero. */
typedef struct {
    const int8_t *weights, *biases;
    int32_t lanes, kernel_height, kernel_bytes;
} constants_t;

EE void run_pixels(const conv_job_t *j, const conv_run_t *r, const constants_t *c, int lanes, bool masked)
{
    const finish_t finish = j->finish;
    const int8_t *const bias = c->biases + r->group * BIAS_BYTES;
    const int8_t *weights = c->weights + (r->group * c->kernel_height + r->rows.first) * lanes * 16;
    const int8_t *x = r->x;
    int8_t *y = r->y;
    const int32_t step = j->columns.stride * j->pixel_bytes, y_step = r->y_step;
    const int32_t more = r->columns.count > 0 ? r->rows.count - 1 : -1;
    const int32_t last = r->columns.count * j->pixel_bytes - 1;
    const int32_t jump = j->rows.dilation * j->row_bytes - last;
    weights += r->columns.first * j->pixel_bytes * 16;
    for (int32_t count = r->count; count > 0; count--) {
        const int8_t *w = weights;
        w = ee_vld_128_ip(1, w, 16);
        w = ee_vld_128_ip(2, w, 16);
        pie_load_bias(bias);
        if (more >= 0) {
            pie_mac_rows(lanes, masked, w, x, more, last, jump);
        }
        finish_vector(6, &finish);
        y = ee_vst_128_xp(6, y, y_step);
        x += step;
    }
}

/* One loop for each number of lanes, which is a literal in it. */
static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const constants_t *c = context;
    const int32_t bytes = r->columns.count * j->pixel_bytes;
    const bool masked = bytes < c->kernel_bytes;
    if (masked && bytes > 0) {
        pie_mask(5, bytes);
    }
    switch (c->lanes) {
#define LANES(n)                                                                                                       \
    case n:                                                                                                            \
        if (masked) {                                                                                                  \
            run_pixels(j, r, c, n, true);                                                                              \
        } else {                                                                                                       \
            run_pixels(j, r, c, n, false);                                                                             \
        }                                                                                                              \
        break;
        LANES(2)
        LANES(4)
        LANES(6)
        LANES(8)
        LANES(10)
        LANES(12)
        LANES(14)
        LANES(16)
    default: break;
    }
}

void espdl_s3_conv2d_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const conv_job_t job = make_conv_job(p, y, scratch);
    const int32_t bytes = job.columns.taps * job.pixel_bytes;
    const constants_t constants = {weights, biases, (bytes + 1) & ~1, p->kernel_height, bytes};
    conv_run(&job, x, pixels, &constants);
}
