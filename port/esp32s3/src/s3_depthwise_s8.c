/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * One group of 16 channels after the other. `scratch` holds as many rows of the group as a window is high, with their borders
 * (row r of the image at r modulo that number), then a row of zeros for borders above and below, then a row of outputs. Rows are as
 * long as their windows are; what is loaded for the window behind the last one is not used: it is the next row, or what follows.
 *
 * With `pixels` 2, a vector holds 8 channels of two neighbours: vector i of a row in `scratch` holds the pixels i and i + 1, so
 * that every second output vector is the pair to compute.
 */
#include "conv2d_job.h"
#include "pie_loops.h"

enum { MOST_ROWS = ESPDL_S3_DEPTHWISE_ROWS };

/* Steps in bytes. What a row of outputs needs is here, computed once: rows may be short. */
typedef struct {
    const espdl_s3_conv2d_params_t *p;
    finish_t finish;
    bool is_3x3, partial;
    int32_t group, lanes;              /* of the present group */
    int32_t outputs, step, y_step;     /* vectors in a row of outputs; between their windows; between them */
    int32_t span, pitch, row_step;     /* rows in the ring; between rows there; between rows of the kernel there */
    int32_t x_pitch, y_pitch, inputs;  /* between rows of the image, of the output; pixels to copy of a row */
    int8_t *ring, *zeros, *results;    /* in `scratch`; `zeros` is the end of the ring */
    const int8_t *weights, *bias;
} depthwise_t;

static depthwise_t make(const espdl_s3_conv2d_params_t *p, int8_t *scratch)
{
    depthwise_t d = {.p = p, .ring = scratch};
    d.finish = make_finish(p->shift, p->activation_min, p->activation_max);
    d.is_3x3 = p->kernel_height == 3 && p->kernel_width == 3 && p->dilation_width == 1;
    d.span = (p->kernel_height - 1) * p->dilation_height + 1;
    d.outputs = p->output_width / p->pixels;
    const int32_t stride = p->stride_width * p->pixels;
    const int32_t windows = (d.outputs - 1) * stride + (p->kernel_width - 1) * p->dilation_width + 1;
    const int32_t image = p->pixels == 2 ? p->pad_left + p->input_width : 0; /* all of it is copied */
    const int32_t columns = windows > image ? windows : image;
    const int32_t room = columns - p->pad_left;
    d.step = 16 * stride;
    d.pitch = 16 * columns;
    d.row_step = d.pitch * p->dilation_height;
    d.zeros = scratch + d.pitch * d.span;
    d.results = d.zeros + d.pitch;
    d.x_pitch = p->input_width * p->input_channels;
    d.y_step = p->output_channels * p->pixels;
    d.y_pitch = d.outputs * d.y_step;
    d.partial = d.y_step % 16 != 0;
    d.inputs = p->input_width < room ? p->input_width : room;
    return d;
}

/* Copies a row of the image to the ring. The vectors left and right of it stay zero. Keeps q3 .. q7. */
static inline void copy_row(const depthwise_t *d, const int8_t *x, int8_t *to)
{
    const int32_t channels = d->p->input_channels;
    if (d->p->pixels == 2) {
        ee_ld_128_usar_ip(1, to + 8, 0);
        ee_zero_q(1);
        to = pie_gather_halves(x, to - 16, d->p->input_width / 2);
        ee_zero_q(2);
        ee_src_q(0, 1, 2);
        ee_vst_128_ip(0, to, 0);
    } else if (!d->partial) {
        pie_gather(x, to, d->inputs, channels);
    } else {
        pie_gather_unaligned(x, to, d->inputs, d->lanes - 1, channels - (d->lanes - 1));
    }
}

static inline void compute_3x3(const depthwise_t *d, const int8_t *const rows[], int8_t *y, int32_t y_step)
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

static inline void compute_row(const depthwise_t *d, const int8_t *const rows[], int8_t *y)
{
    int8_t *to = d->partial ? d->results : y;
    const int32_t y_step = d->partial ? 16 : d->y_step;
    if (d->is_3x3) {
        compute_3x3(d, rows, to, y_step);
    } else {
        compute_any(d, rows, to, y_step);
    }
    if (d->partial) {
        scatter(d->results, y, d->outputs, d->lanes, d->y_step);
    }
}

/* One group of channels; `x` and `y` are at its first channel. */
static void compute_group(const depthwise_t *d, const int8_t *x, int8_t *y)
{
    const int32_t height = d->p->input_height, ring_bytes = d->pitch * d->span;
    const int32_t y_rows = d->p->output_height, stride = d->p->stride_height, kernel = d->p->kernel_height;
    const int8_t *rows[MOST_ROWS];
    int8_t *const first = d->ring + 16 * d->p->pad_left, *const last = d->zeros + 16 * d->p->pad_left;
    int8_t *to = first; /* where row `copied` goes */
    int32_t copied = 0, top = -d->p->pad_top;
    const int8_t *slot = d->zeros - d->p->pad_top % d->span * d->pitch; /* of row `top`, one turn later at the end */
    for (int32_t row = 0; row < y_rows; row++) {
        const int32_t end = top + d->span < height ? top + d->span : height;
        for (; copied < end; copied++, x += d->x_pitch) {
            if (copied >= top) {
                copy_row(d, x, to);
            }
            to += d->pitch;
            to = to == last ? first : to;
        }
        slot = slot == d->zeros ? d->ring : slot;
        const int8_t *from = slot;
        for (int32_t i = 0, r = top; i < kernel; i++, r += d->p->dilation_height) {
            rows[i] = (uint32_t)r < (uint32_t)height ? from : d->zeros;
            from += d->row_step;
            from -= from >= d->zeros ? ring_bytes : 0;
        }
        compute_row(d, rows, y);
        y += d->y_pitch;
        top += stride;
        for (slot += stride * d->pitch; slot >= d->zeros; slot -= ring_bytes) {
        }
    }
}

void espdl_s3_depthwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y, int8_t *scratch)
{
    depthwise_t d = make(p, scratch);
    ee_zero_q(1);
    pie_fill(scratch, d.pitch / 16 * (d.span + 1));
    const int32_t lanes = p->groups * p->pixels;
    for (d.group = 0; d.group * 16 < lanes; d.group++) {
        const int32_t rest = lanes - d.group * 16;
        d.lanes = rest < 16 ? rest : 16;
        d.weights = weights + d.group * p->kernel_height * p->kernel_width * 16;
        d.bias = biases + d.group * BIAS_BYTES;
        if (d.is_3x3) {
            ee_vld_128_ip(3, d.weights, 0);
            ee_vld_128_ip(4, d.weights + 16, 0);
            ee_vld_128_ip(5, d.weights + 32, 0);
            ee_vld_128_ip(6, d.weights + 48, 0);
            ee_vld_128_ip(7, d.weights + 64, 0);
        }
        compute_group(&d, x + d.group * 16, y + d.group * 16);
    }
    if (lanes == d.y_step) {
        clamp_output(&d.finish, y, p->output_height * d.y_pitch);
        return;
    }
    for (int32_t pixels = p->output_height * d.outputs; pixels > 0; pixels--, y += d.y_step) {
        clamp_output(&d.finish, y, lanes);
    }
}
