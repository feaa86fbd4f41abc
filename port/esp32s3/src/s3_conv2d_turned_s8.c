/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_turned.h"

/* The image with its border, column by column; of which are needed: all rows and columns of windows. */
typedef struct {
    int32_t rows, columns, pitch; /* `pitch`: bytes of a column */
} turned_t;

/* Pixels of the border, `channels` vectors of which `border` holds; or of zeros. */
static void fill(const turned_t *t, const int8_t *border, int32_t channels, int8_t *to)
{
    const int32_t vectors = t->pitch * t->columns / 16 + 3;
    if (border == NULL) {
        ee_zero_q(1);
        pie_fill(to, vectors);
        return;
    }
    for (int32_t done = 0; done < vectors; done += channels) {
        pie_gather(border, to + 16 * done, channels < vectors - done ? channels : vectors - done, 16);
    }
}

/* Copies what lies inside. */
static void turn(const espdl_s3_conv2d_params_t *p, const turned_t *t, const int8_t *x, int8_t *to)
{
    const int32_t channels = p->input_channels, below = t->rows - p->pad_top, right = t->columns - p->pad_left;
    const int32_t rows = p->input_height < below ? p->input_height : below;
    const int32_t columns = p->input_width < right ? p->input_width : right;
    to += p->pad_left * t->pitch + p->pad_top * channels;
    for (int32_t row = 0; row < rows; row++, x += p->input_width * channels, to += channels) {
        for (int32_t channel = 0; channel < channels; channel++) {
            const int8_t *from = x + channel;
            int8_t *place = to + channel;
            for (int32_t column = columns; column > 0; column--, from += channels, place += t->pitch) {
                *place = *from;
            }
        }
    }
}

static void compute(int32_t columns, int32_t lanes, pie_places_t at, pie_rectangle_t *r, int32_t groups)
{
    switch (lanes * 4 + columns) {
#define LANES(n)                                                                                                       \
    case (n) * 4 + 3: pie_turned(3, n, at, r, groups); break;                                                          \
    case (n) * 4 + 4: pie_turned(4, n, at, r, groups); break;
        LANES(8)
        LANES(10)
        LANES(12)
        LANES(14)
    default: break;
    }
}

void espdl_s3_conv2d_turned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const finish_t finish = make_finish(p->shift, p->activation_min, p->activation_max);
    const int32_t bytes = p->kernel_height * p->input_channels;
    turned_t t;
    t.rows = (p->output_height - 1) * p->stride_height + p->kernel_height;
    t.columns = (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
    t.pitch = t.rows * p->input_channels;
    const bool filled = p->outside_top + p->outside_bottom + p->outside_left + p->outside_right > 0;
    fill(&t, filled ? biases + p->output_channels / 16 * BIAS_BYTES : NULL, p->input_channels, scratch);
    turn(p, &t, x, scratch);
    ee_vldbc_8_ip(6, &finish.low, 0);
    const int32_t step = p->stride_width * t.pitch, tap = p->dilation_width * t.pitch;
    pie_rectangle_t r = {.rows = p->output_height, .columns = p->output_width, .shift = p->shift, .jump = tap - 16};
    r.next = step - (p->kernel_width - 1) * tap - 16;
    r.x_next = p->stride_height * p->input_channels - p->output_width * step;
    compute(p->kernel_width, bytes < 8 ? 8 : (bytes + 1) & ~1, (pie_places_t){scratch, weights, biases, y, NULL}, &r,
            p->output_channels / 16);
    espdl_s3_clamp_output(&finish, y, p->output_height * p->output_width * p->output_channels);
}
