/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/depthwise.h"

#include "fast_scale.h"

/* The weights of a row of windows, and what taps on the border add to its sums; times 4, as requantisation takes it. */
typedef struct {
    int32_t w[3][3];
    int32_t bias;
    int32_t before, behind;    /* to the first and to the last window, where they reach over the row's ends */
} filter_t;

static void load_row(filter_t *f, int32_t row, const int8_t *weights, int32_t zero_point)
{
    f->w[row][0] = 4 * weights[0], f->w[row][1] = 4 * weights[1], f->w[row][2] = 4 * weights[2];
    f->before += zero_point * f->w[row][0];
    f->behind += zero_point * f->w[row][2];
}

static filter_t load_filter(const int8_t *weights, int32_t bias, int32_t zero_point, int has_above, int has_below)
{
    filter_t f = {.bias = 4 * bias};
    load_row(&f, 1, weights + 3, zero_point);
    if (has_above) {
        load_row(&f, 0, weights, zero_point);
    } else {
        f.bias += 4 * zero_point * (weights[0] + weights[1] + weights[2]);
    }
    if (has_below) {
        load_row(&f, 2, weights + 6, zero_point);
    } else {
        f.bias += 4 * zero_point * (weights[6] + weights[7] + weights[8]);
    }
    return f;
}

/* `count` rows of windows of one channel with one filter; `middle` is the first tap of the first window's middle
 * row. */
static void run_rows(const espdl_conv2d_params_t *p, const filter_t *f, const espdl_fast_channel_t *channel,
                     const espdl_clamp_t *clamp, const int8_t *middle, int8_t *y, int32_t count)
{
    const int32_t w00 = f->w[0][0], w01 = f->w[0][1], w02 = f->w[0][2];
    const int32_t w10 = f->w[1][0], w11 = f->w[1][1], w12 = f->w[1][2];
    const int32_t w20 = f->w[2][0], w21 = f->w[2][1], w22 = f->w[2][2];
    espdl_scale_t scale = espdl_scale_of(channel);
    const int32_t bias = f->bias, step = p->input_pitch, row_step = p->input_width * step;
    /* A row that the filter does not have may be any: its weights are 0. */
    const int32_t above = w00 | w01 | w02 ? -row_step : 0, below = w20 | w21 | w22 ? row_step : 0;
    const int reaches_over = 2 * p->output_width + 1 - p->pad_left > p->input_width;
    const int32_t whole = (p->output_width - reaches_over) * step;
    for (; count > 0; count--, middle += 2 * row_step, y += p->output_width * step) {
        const int8_t *r0 = middle + above, *r1 = middle, *r2 = middle + below;
        int32_t sum = bias + f->before;
        if (p->pad_left == 0) {
            sum = bias + *r0 * w00 + *r1 * w10 + *r2 * w20;
            r0 += step, r1 += step, r2 += step;
        }
        int8_t *to = y;
        for (const int8_t *end = y + whole; to != end; to += step) {
            sum += *r0 * w01 + *r1 * w11 + *r2 * w21;
            r0 += step, r1 += step, r2 += step;
            int32_t value = *r0, next = bias + value * w00;
            sum += value * w02;
            value = *r1;
            sum += value * w12;
            next += value * w10;
            value = *r2;
            sum += value * w22;
            next += value * w20;
            r0 += step, r1 += step, r2 += step;
            *to = (int8_t)espdl_fast_scale_4(sum, &scale, clamp);
            sum = next;
        }
        if (reaches_over) {
            sum += *r0 * w01 + *r1 * w11 + *r2 * w21 + f->behind;
            *to = (int8_t)espdl_fast_scale_4(sum, &scale, clamp);
        }
    }
}

void espdl_depthwise_3x3_stride2_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                    const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t rows = p->output_height, zero = p->input_zero_point;
    const int32_t two_rows = 2 * p->input_width * p->input_pitch, y_row = p->output_width * p->output_pitch;
    const int reaches_over = 2 * rows + 1 - p->pad_top > p->input_height;
    x += (1 - p->pad_top) * p->input_width * p->input_pitch;
    for (int32_t i = 0; i < p->input_channels; i++, x++, y++, weights += 9) {
        const espdl_fast_channel_t *channel = &channels[i];
        filter_t filter = load_filter(weights, channel->bias, zero, 1, 1);
        int32_t first = 0, last = rows;
        if (p->pad_top || (reaches_over && rows == 1)) {
            const filter_t edge = load_filter(weights, channel->bias, zero, !p->pad_top, !(reaches_over && rows == 1));
            run_rows(p, &edge, channel, &clamp, x, y, 1);
            first = 1;
        }
        if (reaches_over && rows > 1) {
            last = rows - 1;
        }
        run_rows(p, &filter, channel, &clamp, x + first * two_rows, y + first * y_row, last - first);
        if (last < rows) {
            filter = load_filter(weights, channel->bias, zero, 1, 0);
            run_rows(p, &filter, channel, &clamp, x + last * two_rows, y + last * y_row, 1);
        }
    }
}
