/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/depthwise.h"

#include "fast_scale.h"
#include "keep.h"

typedef struct {
    int32_t w[3][3];
    int32_t bias;
    int32_t before, behind;    /* what the border left and right adds to the sums of the first and last window */
} filter_t;

/* The filter of a row of windows; rows of taps that fall outside become part of the sums. */
static filter_t load_filter(const int8_t *weights, int32_t bias, int32_t zero_point, int32_t first_inside,
                            int32_t last_inside)
{
    filter_t f = {.bias = bias};
    for (int32_t row = 0; row < 3; row++, weights += 3) {
        if (row < first_inside || row > last_inside) {
            f.bias += zero_point * (weights[0] + weights[1] + weights[2]);
            continue;
        }
        f.w[row][0] = weights[0], f.w[row][1] = weights[1], f.w[row][2] = weights[2];
        f.before += zero_point * weights[0];
        f.behind += zero_point * weights[2];
    }
    return f;
}

/* The rows of the input under a row of windows; where the filter's row is empty, any row does. */
typedef struct {
    const int8_t *row[3];
} rows_t;

static void run_row(const espdl_conv2d_params_t *p, const filter_t *f, const espdl_fast_channel_t *channel,
                    const espdl_clamp_t *clamp, const rows_t *rows, int8_t *y)
{
    const int32_t w00 = f->w[0][0], w01 = f->w[0][1], w02 = f->w[0][2];
    const int32_t w10 = f->w[1][0], w11 = f->w[1][1], w12 = f->w[1][2];
    const int32_t w20 = f->w[2][0], w21 = f->w[2][1], w22 = f->w[2][2];
    const int32_t bias = f->bias, step = p->input_channels;
    const int8_t *r0 = rows->row[0], *r1 = rows->row[1], *r2 = rows->row[2];
    /* The last window may reach beyond the row; the left taps of the first are the border where there is one. */
    const int32_t reach = 2 * p->output_width + 1 - p->pad_left;
    int32_t whole = p->output_width - (reach > p->input_width);
    int32_t sum = bias + f->before;
    if (p->pad_left == 0) {
        sum = bias + *r0 * w00 + *r1 * w10 + *r2 * w20;
        r0 += step, r1 += step, r2 += step;
    }
    for (; whole > 0; whole--) {
        sum += *r0 * w01 + *r1 * w11 + *r2 * w21;
        r0 += step, r1 += step, r2 += step;
        int32_t value = *r0;
        sum += value * w02;
        int32_t next = bias + value * w00;
        value = *r1;
        sum += value * w12;
        next += value * w10;
        value = *r2;
        sum += value * w22;
        next += value * w20;
        r0 += step, r1 += step, r2 += step;
        *y = espdl_fast_scale(sum, channel->multiplier, channel->offset, channel->shift, clamp);
        y += step;
        sum = next;
    }
    if (reach > p->input_width) {
        sum += *r0 * w01 + *r1 * w11 + *r2 * w21 + f->behind;
        *y = espdl_fast_scale(sum, channel->multiplier, channel->offset, channel->shift, clamp);
    }
}

void espdl_depthwise_3x3_stride2_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                    const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t row_step = p->input_width * p->input_channels;
    for (int32_t oy = 0; oy < p->output_height; oy++, y += p->output_width * p->output_channels) {
        const int32_t top = 2 * oy - p->pad_top;
        const int32_t last_inside = p->input_height - 1 - top;
        for (int32_t i = 0; i < p->input_channels; i++) {
            const filter_t filter = load_filter(weights + 9 * i, channels[i].bias, p->input_zero_point, -top, last_inside);
            const int8_t *middle = x + i + (top + 1) * row_step;
            const rows_t rows = {{
                top < 0 ? middle : middle - row_step,
                middle,
                last_inside < 2 ? middle : middle + row_step,
            }};
            run_row(p, &filter, &channels[i], &clamp, &rows, y + i);
        }
    }
}
