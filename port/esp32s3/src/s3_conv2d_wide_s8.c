/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_loops.h"

/* Weights [output channel][kernel row][kernel column][tap], a tap being the input channels made a multiple of 16 by
 * zeros. */
typedef struct {
    const int8_t *weights;
    int32_t kernel_height, kernel_width, tap;
} constants_t;

/* One output. Where taps are neighbours in memory without gaps, a row of them is one segment. */
EE int32_t sum(const conv_job_t *j, const conv_run_t *r, const constants_t *c, const int8_t *x, int32_t channel)
{
    const bool joined = c->tap == j->pixel_bytes && j->columns.dilation == 1;
    const int32_t columns = joined ? 1 : r->taps_across.count;
    const int32_t bytes = j->pixel_bytes * (joined ? r->taps_across.count : 1);
    const int32_t more = (bytes - 1) / 16, last = bytes - 1 - more * 16;
    const int8_t *weights = c->weights + (channel * c->kernel_height + r->taps_down.first) * c->kernel_width * c->tap;
    ee_ld_accx_ip(r->bias, 0);
    for (int32_t row = 0; bytes > 0 && row < r->taps_down.count; row++) {
        const int8_t *from = x + row * j->rows.dilation * j->row_bytes;
        const int8_t *w = weights + (row * c->kernel_width + r->taps_across.first) * c->tap;
        w = ee_vld_128_ip(1, w, 16);
        for (int32_t column = 0; column < columns; column++) {
            w = pie_dot_row(w, from, more, last);
            from += j->columns.dilation * j->pixel_bytes;
        }
    }
    return ee_srs_accx(j->finish.shift);
}

static void pixels(const conv_job_t *j, const conv_run_t *r, void *context)
{
    const int8_t *x = r->x;
    int8_t *y = r->y;
    for (int32_t count = r->columns; count > 0; count--) {
        const int32_t value = sum(j, r, context, x, r->group);
        const int32_t raised = value < j->finish.low ? j->finish.low : value;
        *y = (int8_t)(raised > j->finish.high ? j->finish.high : raised);
        x += j->columns.stride * j->pixel_bytes;
        y += r->y_step;
    }
}

void espdl_s3_conv2d_wide_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                             const int8_t *biases, int8_t *y)
{
    conv_job_t job;
    constants_t constants = {weights, p->kernel_height, p->kernel_width, (p->input_channels + 15) & ~15};
    espdl_s3_make_conv_job(&job, p, x, biases, y, y);
    set_biases(&job, p, 8);
    job.channels = 1;
    job.entry = 0;
    job.row_by_row = true;
    job.shared = false;
    job.finish.clamps = false; /* pixels() does that */
    espdl_s3_convolve(&job, pixels, &constants);
}
