/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * One group of 16 channels after the other. `scratch` holds the rows of a window with their borders, one vector a
 * pixel, and a row of sums. Rows that the next window needs too move up, so that the output may be written over them.
 *
 * With `pixels` 2, a vector holds 8 channels of two neighbours: vector i of a row in `scratch` holds the pixels i and i
 * + 1, so that every second output vector is the pair to compute.
 */
#include "affine_job.h"
#include "pie_depthwise.h"
#include "pie_loops.h"

/* Steps in bytes. */
typedef struct {
    const affine_job_t *a;
    const espdl_s3_affine_conv2d_params_t *p;
    int8_t *rows;
    int32_t columns, pitch;     /* vectors in a row of `rows`; between those */
    int32_t inputs, lanes;      /* pixels to copy of a row; channels of the present group */
    int32_t step;               /* between windows */
    const int8_t *weights, *bias;
} depthwise_t;

static depthwise_t make_depthwise(const affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p)
{
    depthwise_t d = {.a = a, .p = p};
    const int32_t stride = p->stride_width * p->pixels;
    const int32_t windows = (a->job.columns.windows - 1) * stride + (p->kernel_width - 1) * p->dilation_width + 1;
    const int32_t image = p->pixels == 2 ? p->pad_left + p->input_width : 0; /* all of it is copied */
    d.columns = windows > image ? windows : image;
    d.pitch = 16 * d.columns;
    const int32_t room = d.columns - p->pad_left;
    d.inputs = p->input_width < room ? p->input_width : room;
    d.step = 16 * stride;
    d.rows = a->job.scratch + waiting_windows(&a->job) * SUM_BYTES;
    return d;
}

/* The border: q = the input's zero point in all lanes. */
EE void load_border(const depthwise_t *d, int q)
{
    const int8_t zero = (int8_t)d->p->input_zero_point;
    ee_vldbc_8_ip(q, &zero, 0);
}

/* One row of the image; the vectors left and right of it stay. */
static void copy_row(const depthwise_t *d, const int8_t *x, int8_t *to)
{
    const int32_t channels = d->p->input_channels;
    to += 16 * d->p->pad_left;
    if (d->p->pixels == 2) {
        ee_ld_128_usar_ip(1, to + 8, 0);
        load_border(d, 1);
        to = pie_gather_halves(x, to - 16, d->p->input_width / 2);
        load_border(d, 2);
        ee_src_q(0, 1, 2);
        ee_vst_128_ip(0, to, 0);
    } else if (channels % 16 == 0) {
        pie_gather(x, to, d->inputs, channels);
    } else {
        pie_gather_unaligned(x, to, d->inputs, d->lanes - 1, channels - (d->lanes - 1));
    }
}

/* The rows of window `row` of the output, of which `kept` are there. */
static void fill_rows(const depthwise_t *d, const int8_t *x, int32_t row, int32_t kept)
{
    const espdl_s3_affine_conv2d_params_t *p = d->p;
    int8_t *to = d->rows + kept * d->pitch;
    int32_t from = window_start(&d->a->job.rows, row) + kept * p->dilation_height;
    for (int32_t i = kept; i < p->kernel_height; i++, to += d->pitch, from += p->dilation_height) {
        if (from >= 0 && from < p->input_height) {
            copy_row(d, x + from * d->a->job.row_bytes, to);
        } else {
            load_border(d, 1);
            pie_fill(to, d->columns);
        }
    }
}

/* `count` windows of a row from `first` on. */
static void sum_windows(const depthwise_t *d, int32_t first, int32_t count)
{
    const espdl_s3_affine_conv2d_params_t *p = d->p;
    const int8_t *const from = d->rows + first * d->step;
    if (p->kernel_height == 3 && p->kernel_width == 3 && p->dilation_width == 1) {
        pie_rectangle_t r; /* what this block does not read stays open: to clear it takes 140 instructions */
        r.rows = 1;
        r.columns = count;
        r.x_next = r.y_next = 0;
        r.jump = d->pitch - 32;
        r.next = d->step + 16 - 2 * d->pitch - 32;
        pie_depthwise_3x3_sums((pie_places_t){from, d->weights, d->bias, d->a->job.scratch, NULL}, &r);
        return;
    }
    const int8_t *const weights = d->weights, *const bias = d->bias, *x = from;
    const int32_t height = p->kernel_height, width = p->kernel_width, pitch = d->pitch, step = d->step;
    const int32_t tap = 16 * p->dilation_width;
    int8_t *sums = d->a->job.scratch;
    for (; count > 0; count--, x += step) {
        const int8_t *w = ee_vld_128_ip(1, weights, 16), *row = x;
        pie_load_bias(bias);
        for (int32_t i = height; i > 0; i--, row += pitch) {
            w = pie_depthwise_row(w, row, width, tap);
        }
        sums = store_sums(sums);
    }
}

static void compute_group(depthwise_t *d, int32_t group, const int8_t *x, int8_t *y)
{
    const espdl_s3_affine_conv2d_params_t *p = d->p;
    const int32_t overlap = p->kernel_height - p->stride_height;
    const int32_t shared = p->dilation_height == 1 && overlap > 0 ? overlap : 0;
    const int32_t windows = d->a->job.columns.windows, most = waiting_windows(&d->a->job);
    load_border(d, 1);
    pie_fill(d->rows, d->columns * p->kernel_height);
    for (int32_t row = 0; row < d->a->job.rows.windows; row++) {
        const int32_t kept = row > 0 ? shared : 0;
        pie_gather(d->rows + p->stride_height * d->pitch, d->rows, kept * d->columns, 16);
        fill_rows(d, x, row, kept);
        for (int32_t first = 0, count; first < windows; first += count) {
            count = windows - first < most ? windows - first : most;
            sum_windows(d, first, count);
            espdl_s3_affine_outputs(d->a, group, y, count, d->a->job.outputs);
            y += count * d->a->job.outputs;
        }
    }
}

void espdl_s3_depthwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    affine_job_t a;
    espdl_s3_make_affine_job(&a, p, x, biases, scales, y, scratch);
    depthwise_t d = make_depthwise(&a, p);
    const int32_t lanes = p->groups * p->pixels;
    for (int32_t group = 0; group * 16 < lanes; group++) {
        d.lanes = lanes - group * 16 < 16 ? lanes - group * 16 : 16;
        d.weights = weights + group * p->kernel_height * p->kernel_width * 16;
        d.bias = biases + group * BIAS_BYTES;
        compute_group(&d, group, x + group * 16, y + group * 16);
    }
    if (lanes == a.job.outputs) {
        espdl_s3_clamp_output(&a.job.finish, y, a.job.rows.windows * a.job.columns.windows * a.job.outputs);
        return;
    }
    for (int32_t pixels = a.job.rows.windows * a.job.columns.windows; pixels > 0; pixels--, y += a.job.outputs) {
        espdl_s3_clamp_output(&a.job.finish, y, lanes);
    }
}
