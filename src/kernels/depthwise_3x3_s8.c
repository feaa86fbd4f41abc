/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/depthwise.h"

#include "fast_scale.h"
#include "keep.h"

/*
 * One channel at a time, all its lines. The nine weights and the partial sums of the three windows that contain a pixel
 * stay in registers. So that the output may overwrite the input, the line above is kept apart as it was.
 * Lines run along the longer axis; `pixel_step` and `line_step` are in bytes.
 */
typedef struct {
    int32_t lines, length;
    int32_t line_step, pixel_step;
    int32_t weight_line_step, weight_pixel_step;
    int32_t zero_point;
} walk_t;

typedef struct {
    int32_t w[3][3];    /* [line][pixel] */
    int32_t bias;
    int32_t before, behind;    /* what the border at the line's ends adds to its first and last output */
} filter_t;

/* The filter for a line at the edge: the weights that fall outside become part of the sums. */
static filter_t without_line(const filter_t *f, int32_t line, int32_t zero_point)
{
    filter_t edge = *f;
    edge.bias += zero_point * (f->w[line][0] + f->w[line][1] + f->w[line][2]);
    edge.before -= zero_point * f->w[line][0];
    edge.behind -= zero_point * f->w[line][2];
    edge.w[line][0] = edge.w[line][1] = edge.w[line][2] = 0;
    return edge;
}

static filter_t load_filter(const walk_t *walk, const int8_t *weights, int32_t bias)
{
    filter_t f = {.bias = bias};
    for (int32_t line = 0; line < 3; line++) {
        for (int32_t pixel = 0; pixel < 3; pixel++) {
            f.w[line][pixel] = weights[line * walk->weight_line_step + pixel * walk->weight_pixel_step];
        }
        f.before += walk->zero_point * f.w[line][0];
        f.behind += walk->zero_point * f.w[line][2];
    }
    return f;
}

/* `above` is the copy of the line before, and becomes the copy of this one. `below` may be any line where w[2] is 0. */
static void run_line(const filter_t *f, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, int32_t length,
                     int32_t step, int8_t *above, const int8_t *here, const int8_t *below, int8_t *y)
{
    const int32_t w00 = f->w[0][0], w01 = f->w[0][1], w02 = f->w[0][2];
    const int32_t w10 = f->w[1][0], w11 = f->w[1][1], w12 = f->w[1][2];
    const int32_t w20 = f->w[2][0], w21 = f->w[2][1], w22 = f->w[2][2];
    const int32_t bias = f->bias;
    int32_t value = *above, centre = *here;
    int32_t next = bias + f->before + value * w01 + centre * w11;
    int32_t later = bias + value * w00 + centre * w10;
    *above++ = (int8_t)centre;
    value = *below;
    next += value * w21;
    later += value * w20;
    for (int32_t left = length - 1; left > 0; left--) {
        here += step;
        below += step;
        value = *above;
        int32_t sum = next + value * w02;
        next = later + value * w01;
        later = bias + value * w00;
        ESPDL_KEEP(later);
        value = *here;
        *above++ = (int8_t)value;
        sum += value * w12;
        next += value * w11;
        later += value * w10;
        ESPDL_KEEP(later);
        value = *below;
        sum += value * w22;
        next += value * w21;
        later += value * w20;
        *y = espdl_fast_scale(sum, channel->multiplier, channel->offset, channel->shift, clamp);
        y += step;
    }
    *y = espdl_fast_scale(next + f->behind, channel->multiplier, channel->offset, channel->shift, clamp);
}

static void run_channel(const walk_t *walk, const filter_t *f, const espdl_fast_channel_t *channel,
                        const espdl_clamp_t *clamp, const int8_t *x, int8_t *y, int8_t *above)
{
    filter_t first = without_line(f, 0, walk->zero_point);
    filter_t last = without_line(f, 2, walk->zero_point);
    if (walk->lines == 1) {
        last = without_line(&first, 2, walk->zero_point);
    }
    const filter_t *filter = walk->lines == 1 ? &last : &first;
    for (int32_t line = 1; line <= walk->lines; line++, x += walk->line_step, y += walk->line_step) {
        const int8_t *below = line < walk->lines ? x + walk->line_step : x;
        run_line(filter, channel, clamp, walk->length, walk->pixel_step, above, x, below, y);
        filter = line + 1 < walk->lines ? f : &last;
    }
}

void espdl_depthwise_3x3_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t row_step = p->input_width * p->input_channels;
    walk_t walk = {p->input_height, p->input_width, row_step, p->input_channels, 3, 1, p->input_zero_point};
    if (p->input_height > p->input_width) {
        walk = (walk_t){p->input_width, p->input_height, p->input_channels, row_step, 1, 3, p->input_zero_point};
    }
    for (int32_t i = 0; i < p->input_channels; i++) {
        const filter_t filter = load_filter(&walk, weights + 9 * i, channels[i].bias);
        run_channel(&walk, &filter, &channels[i], &clamp, x + i, y + i, scratch);
    }
}
