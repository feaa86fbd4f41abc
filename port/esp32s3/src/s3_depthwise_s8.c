/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * One group of 16 channels after the other. `scratch` holds as many rows of the group as a window is high, with their borders
 * (row r of the image at r modulo that number), then a row of zeros for borders above and below, then a row of outputs.
 *
 * With `pixels` 2, a vector holds 8 channels of two neighbours: vector i of a row in `scratch` holds the pixels i and i + 1, so
 * that every second output vector is the pair to compute.
 */
#include "conv2d_job.h"
#include "pie_loops.h"

typedef struct {
    const espdl_s3_conv2d_params_t *p;
    finish_t finish;
    int32_t group, lanes;    /* of the present group */
    int32_t span, columns;   /* rows in `scratch` at a time, vectors in each */
    int32_t outputs, step;   /* output vectors in a row; bytes between their windows */
    int32_t copied;          /* rows of the image copied so far */
    int8_t *scratch, *results;
    const int8_t *x, *weights, *bias;
    int8_t *y;
} depthwise_t;

static depthwise_t make(const espdl_s3_conv2d_params_t *p, const int8_t *x, int8_t *y, int8_t *scratch)
{
    depthwise_t d = {.p = p, .x = x, .y = y, .scratch = scratch};
    d.finish = make_finish(p->shift, p->activation_min, p->activation_max);
    d.span = (p->kernel_height - 1) * p->dilation_height + 1;
    d.outputs = p->output_width / p->pixels;
    d.columns = (d.outputs + 1) * p->stride_width * p->pixels + (p->kernel_width - 1) * p->dilation_width + 1;
    d.step = 16 * p->stride_width * p->pixels;
    d.results = scratch + 16 * d.columns * (d.span + 1);
    return d;
}

static int8_t *scratch_row(const depthwise_t *d, int32_t row)
{
    const bool inside = row >= 0 && row < d->p->input_height;
    return d->scratch + 16 * d->columns * (inside ? row % d->span : d->span);
}

/* Copies row `row` of the image. The vectors left and right of it stay zero. Keeps q3 .. q7. */
static void copy_row(const depthwise_t *d, int32_t row)
{
    const espdl_s3_conv2d_params_t *p = d->p;
    const int8_t *x = d->x + row * p->input_width * p->input_channels + d->group * 16;
    int8_t *to = scratch_row(d, row) + 16 * p->pad_left;
    const int32_t room = d->columns - p->pad_left;
    const int32_t count = p->input_width < room ? p->input_width : room;
    if (p->pixels == 2) {
        ee_ld_128_usar_ip(1, to + 8, 0);
        ee_zero_q(1);
        to = pie_gather_halves(x, to - 16, p->input_width / 2);
        ee_zero_q(2);
        ee_src_q(0, 1, 2);
        ee_vst_128_ip(0, to, 0);
    } else if (p->input_channels % 16 == 0) {
        pie_gather(x, to, count, p->input_channels);
    } else {
        pie_gather_unaligned(x, to, count, d->lanes - 1, p->input_channels - (d->lanes - 1));
    }
}

static void compute_3x3(const depthwise_t *d, const int8_t *const rows[], int8_t *y, int32_t y_step)
{
    const int8_t *x = rows[0], *w = d->weights + 5 * 16;
    const pie_depthwise_t steps = {
        .row1 = (int32_t)(rows[1] - rows[0]) - 32,
        .row2 = (int32_t)(rows[2] - rows[1]) - 32,
        .next = (int32_t)(rows[0] - rows[2]) - 32 + d->step + 16,
        .y_step = y_step,
        .shift = d->finish.shift,
        .negative = d->finish.negative,
        .zero = 0,
    };
    x = ee_vld_128_ip(0, x, 16);
    x = ee_vld_128_ip(1, x, 16);
    w = ee_vld_128_ip(2, w, 16);
    pie_depthwise_3x3(x, w, d->bias, y, d->outputs, &steps);
}

static void compute_any(const depthwise_t *d, const int8_t *const rows[], int8_t *y, int32_t y_step)
{
    const espdl_s3_conv2d_params_t *p = d->p;
    for (int32_t column = 0; column < d->outputs; column++) {
        const int8_t *w = ee_vld_128_ip(1, d->weights, 16);
        pie_load_bias(d->bias);
        for (int32_t row = 0; row < p->kernel_height; row++) {
            w = pie_depthwise_row(w, rows[row] + column * d->step, p->kernel_width, 16 * p->dilation_width);
        }
        finish_vector(2, &d->finish);
        y = ee_vst_128_xp(2, y, y_step);
    }
}

static bool is_3x3(const espdl_s3_conv2d_params_t *p)
{
    return p->kernel_height == 3 && p->kernel_width == 3 && p->dilation_width == 1;
}

static void compute_row(depthwise_t *d, int32_t row)
{
    const espdl_s3_conv2d_params_t *p = d->p;
    const int8_t *rows[ESPDL_S3_DEPTHWISE_ROWS];
    const int32_t top = row * p->stride_height - p->pad_top;
    const int32_t bytes = p->output_channels * p->pixels;
    int8_t *y = d->y + row * d->outputs * bytes + d->group * 16;
    const bool partial = bytes % 16 != 0;
    const int32_t end = top + d->span < p->input_height ? top + d->span : p->input_height;
    d->copied = d->copied < top ? top : d->copied;
    for (; d->copied < end; d->copied++) {
        copy_row(d, d->copied);
    }
    for (int32_t i = 0; i < p->kernel_height; i++) {
        rows[i] = scratch_row(d, top + i * p->dilation_height);
    }
    (is_3x3(p) ? compute_3x3 : compute_any)(d, rows, partial ? d->results : y, partial ? 16 : bytes);
    if (partial) {
        scatter(d->results, y, d->outputs, d->lanes, bytes);
    }
}

void espdl_s3_depthwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y, int8_t *scratch)
{
    depthwise_t d = make(p, x, y, scratch);
    const int32_t channels = p->output_channels * p->pixels;
    pie_clear(scratch, d.columns * (d.span + 1));
    for (d.group = 0; d.group * 16 < channels; d.group++) {
        const int32_t rest = channels - d.group * 16;
        d.lanes = rest < 16 ? rest : 16;
        d.copied = 0;
        d.weights = weights + d.group * p->kernel_height * p->kernel_width * 16;
        d.bias = biases + d.group * BIAS_BYTES;
        if (is_3x3(p)) {
            ee_vld_128_ip(3, d.weights, 0);
            ee_vld_128_ip(4, d.weights + 16, 0);
            ee_vld_128_ip(5, d.weights + 32, 0);
            ee_vld_128_ip(6, d.weights + 48, 0);
            ee_vld_128_ip(7, d.weights + 64, 0);
        }
        for (int32_t row = 0; row < p->output_height; row++) {
            compute_row(&d, row);
        }
    }
    clamp_output(&d.finish, y, p->output_height * p->output_width * p->output_channels);
}
