/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * One group of 16 channels after the other. A band of rows is copied to `scratch`, one vector a pixel, with zeros where
 * the border is; all its outputs are computed from there. The next band begins with the rows that both need, which may
 * lie under outputs by then. What is loaded for the window behind the last one of a row is not used: it is the next
 * row, or what follows.
 *
 * With `pixels` 2, a vector holds 8 channels of two neighbours: vector i of a row in `scratch` holds the pixels i and i
 * + 1, so that every second output vector is the pair to compute.
 */
#include "conv2d_job.h"
#include "pie_depthwise.h"
#include "pie_loops.h"

/* Steps in bytes. */
typedef struct {
    const espdl_s3_conv2d_params_t *p;
    finish_t finish;
    bool is_3x3, partial;
    int32_t lanes;                     /* of the present group */
    int32_t outputs, step, y_step;     /* vectors in a row of outputs; between their windows; between them */
    int32_t span, pitch, columns;      /* rows of a window; between rows of the copy; vectors of one */
    int32_t x_pitch, y_pitch, inputs;  /* between rows of the image, of the output; pixels to copy of a row */
    int32_t band;                      /* rows of outputs in a band, but for the last one */
    int8_t *copy, *results;            /* in `scratch` */
    const int8_t *weights, *bias;
} depthwise_t;

/* Leaves what belongs to a group open. */
static void make(depthwise_t *d, const espdl_s3_conv2d_params_t *p, int8_t *scratch)
{
    d->p = p;
    d->copy = scratch;
    d->finish = make_finish(p->shift, p->activation_min, p->activation_max);
    d->is_3x3 = p->kernel_height == 3 && p->kernel_width == 3 && p->dilation_width == 1;
    d->span = (p->kernel_height - 1) * p->dilation_height + 1;
    d->outputs = p->output_width / p->pixels;
    const int32_t stride = p->stride_width * p->pixels;
    const int32_t windows = (d->outputs - 1) * stride + (p->kernel_width - 1) * p->dilation_width + 1;
    const int32_t image = p->pixels == 2 ? p->pad_left + p->input_width : 0; /* all of it is copied */
    d->columns = windows > image ? windows : image;
    const int32_t room = d->columns - p->pad_left;
    d->step = 16 * stride;
    d->pitch = 16 * d->columns;
    d->x_pitch = p->input_width * p->input_channels;
    d->y_step = p->output_channels * p->pixels;
    d->y_pitch = d->outputs * d->y_step;
    d->partial = d->y_step % 16 != 0;
    d->inputs = p->input_width < room ? p->input_width : room;
    d->band = p->band < p->output_height ? p->band : p->output_height;
    d->results = scratch + ((d->band - 1) * p->stride_height + d->span) * d->pitch + 16 * (stride - 1);
}

/* Zeros in the columns `first` .. `end` - 1 of all `rows` rows of the copy. */
static inline void clear(const depthwise_t *d, int32_t first, int32_t end, int32_t rows)
{
    for (int32_t column = first; column < end; column++) {
        int8_t *to = d->copy + 16 * column;
        for (int32_t row = rows; row > 0; row--) {
            to = ee_vst_128_xp(1, to, d->pitch);
        }
    }
}

/* Copies `rows` (1 or more) rows of the image. The vectors left and right of them stay zero. */
static inline void copy_rows(const depthwise_t *d, const int8_t *x, int8_t *to, int32_t rows)
{
    const int32_t channels = d->p->input_channels;
    if (d->p->pixels == 1 && !d->partial) {
        pie_gather_rows(x, to, d->inputs, channels, rows, d->x_pitch - d->inputs * channels, d->pitch - 16 * d->inputs);
        return;
    }
    for (; rows > 0; rows--, x += d->x_pitch, to += d->pitch) {
        if (d->p->pixels == 2) {
            ee_ld_128_usar_ip(1, to + 8, 0);
            ee_zero_q(1);
            int8_t *const end = pie_gather_halves(x, to - 16, d->p->input_width / 2);
            ee_zero_q(2);
            ee_src_q(0, 1, 2);
            ee_vst_128_ip(0, end, 0);
        } else {
            pie_gather_unaligned(x, to, d->inputs, d->lanes - 1, channels - (d->lanes - 1));
        }
    }
}

/* Fills the rows `row` .. `end` - 1 of the copy, which are those from `top` + `row` on of the image `x`. */
static inline void fill_rows(const depthwise_t *d, const int8_t *x, int32_t top, int32_t row, int32_t end)
{
    const int32_t above = top + row < 0 ? (end + top < 0 ? end : -top) : row;    /* the first row of the image */
    const int32_t inside = d->p->input_height - top < end ? d->p->input_height - top : end; /* behind its last */
    ee_zero_q(1);
    pie_fill(d->copy + row * d->pitch, (above - row) * d->columns);
    if (inside > above) {
        copy_rows(d, x + (top + above) * d->x_pitch, d->copy + above * d->pitch + 16 * d->p->pad_left, inside - above);
    }
    const int32_t below = inside > above ? inside : above;
    ee_zero_q(1);
    pie_fill(d->copy + below * d->pitch, (end - below) * d->columns);
}

static void compute_any(const depthwise_t *d, const int8_t *x, int8_t *y, int32_t y_step)
{
    const espdl_s3_conv2d_params_t *p = d->p;
    for (int32_t column = 0; column < d->outputs; column++) {
        const int8_t *w = ee_vld_128_ip(1, d->weights, 16);
        pie_load_bias(d->bias);
        for (int32_t row = 0; row < p->kernel_height; row++) {
            w = pie_depthwise_row(w, x + row * p->dilation_height * d->pitch + column * d->step, p->kernel_width,
                                  16 * p->dilation_width);
        }
        finish_vector(2, &d->finish);
        y = ee_vst_128_xp(2, y, y_step);
    }
}

/* `rows` rows of outputs: one where they go to `results`. */
static inline void compute(const depthwise_t *d, const int8_t *x, int8_t *y, int32_t rows)
{
    int8_t *const to = d->partial ? d->results : y;
    const int32_t y_step = d->partial ? 16 : d->y_step, x_step = d->p->stride_height * d->pitch;
    if (d->is_3x3) {
        const int32_t row = d->p->dilation_height * d->pitch;
        pie_rectangle_t r; /* what this block does not read stays open: to clear it takes 140 instructions */
        r.rows = rows;
        r.columns = d->outputs;
        r.y_step = y_step;
        r.shift = d->finish.shift;
        r.jump = row - 32;
        r.next = d->step + 16 - 2 * row - 32;
        r.x_next = x_step - d->outputs * d->step - 32;
        r.y_next = d->y_pitch - d->outputs * y_step;
        pie_depthwise_3x3((pie_places_t){x, d->weights, d->bias, to, NULL}, &r, d->finish.negative == 0);
    } else {
        for (int32_t row = 0; row < rows; row++) {
            compute_any(d, x + row * x_step, to + row * d->y_pitch, y_step);
        }
    }
    if (d->partial) {
        scatter(d->results, y, d->outputs, d->lanes, d->y_step);
    }
}

/* One group of channels; `x` and `y` are at its first channel. */
static void compute_group(const depthwise_t *d, const int8_t *x, int8_t *y)
{
    const int32_t stride = d->p->stride_height, all = d->p->output_height;
    const int32_t both = d->span > stride ? d->span - stride : 0; /* rows that two neighbouring bands need */
    int32_t band, top = -d->p->pad_top;
    for (int32_t first = 0; first < all; first += band, top += band * stride) {
        band = all - first < d->band ? all - first : d->band;
        if (first > 0) {
            pie_gather(d->copy + d->band * stride * d->pitch, d->copy, both * d->columns, 16);
        }
        fill_rows(d, x, top, first > 0 ? both : 0, (band - 1) * stride + d->span);
        const int32_t at_once = d->partial ? 1 : band;
        for (int32_t row = 0; row < band; row += at_once) {
            compute(d, d->copy + row * stride * d->pitch, y, at_once);
            y += at_once * d->y_pitch;
        }
    }
}

void espdl_s3_depthwise_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y, int8_t *scratch)
{
    depthwise_t d;
    make(&d, p, scratch);
    const int32_t rows = (d.band - 1) * p->stride_height + d.span;
    ee_zero_q(1);
    clear(&d, 0, p->pad_left < d.columns ? p->pad_left : d.columns, rows);
    clear(&d, p->pad_left + d.inputs, d.columns, rows);
    const int32_t lanes = p->groups * p->pixels;
    for (int32_t lane = 0; lane < lanes; lane += 16) {
        d.lanes = lanes - lane < 16 ? lanes - lane : 16;
        d.weights = weights + lane * p->kernel_height * p->kernel_width;
        d.bias = biases + lane / 16 * BIAS_BYTES;
        compute_group(&d, x + lane, y + lane);
    }
    if (lanes == d.y_step) {
        espdl_s3_clamp_output(&d.finish, y, p->output_height * d.y_pitch);
        return;
    }
    for (int32_t pixels = p->output_height * d.outputs; pixels > 0; pixels--, y += d.y_step) {
        espdl_s3_clamp_output(&d.finish, y, lanes);
    }
}
