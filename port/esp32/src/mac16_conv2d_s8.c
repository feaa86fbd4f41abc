/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/conv2d.h"

#include "mac16.h"
#include "scale.h"
#include "strips.h"

/* What all channels of a tile share. */
typedef struct {
    const int16_t *strip;   /* of the first row */
    int32_t strip_step;     /* from the strip of one row to the next */
    int32_t rows, columns;
    int32_t window_step;
    const int16_t *weights;
    int32_t blocks;         /* four products each */
    int32_t pitch, row_pitch;
} tile_t;

ESPDL_INLINE void run_channel(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *limits,
                              int8_t *y, int32_t relu)
{
    const espdl_clamp_t clamp = *limits;
    const int32_t bias = channel->bias, step = t->window_step, blocks = t->blocks, pitch = t->pitch;
    const int16_t *const weights = t->weights - 2;
    channel_scale_t scale = channel_scale(channel);
    for (int32_t row = 0; row < t->rows; row++, y += t->row_pitch) {
        const int16_t *window = t->strip + row * t->strip_step - 2;
        int8_t *to = y;
        for (int32_t left = t->columns; left > 0; left--, window += step, to += pitch) {
            *to = (int8_t)scale_sum(mac16_dot(window, weights, blocks, bias), &scale, &clamp, relu);
        }
    }
}

/* One loop each: together they would take more registers than there are. */
static KEEP_APART void run_relu(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, int8_t *y)
{
    run_channel(t, channel, clamp, y, 1);
}

static KEEP_APART void run_any(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, int8_t *y)
{
    run_channel(t, channel, clamp, y, 0);
}

void espdl_mac16_conv2d_s8(const espdl_mac16_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const strips_t strips = make_strips(p, x);
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t depth = (p->kernel_width * strips.column + 3) & ~3;
    int16_t *const widened = scratch, *const strip = widened + depth + 2;
    tile_t t = {.strip = strip, .window_step = strips.window_step, .weights = widened, .blocks = depth / 4};
    t.pitch = p->output_pitch;
    t.row_pitch = p->output_width * p->output_pitch;
    for (int32_t row = 0; row < p->output_height; row += t.rows) {
        t.rows = p->output_height - row < p->tile_rows ? p->output_height - row : p->tile_rows;
        for (int32_t column = 0; column < p->output_width; column += t.columns) {
            t.columns = p->output_width - column < p->tile_columns ? p->output_width - column : p->tile_columns;
            t.strip_step = strip_values(&strips, t.columns);
            for (int32_t i = 0; i < t.rows; i++) {
                fill_strip(&strips, strip + i * t.strip_step, (row + i) * p->stride_height - p->pad_top,
                           column * p->stride_width - p->pad_left, t.columns);
            }
            const int8_t *w = weights;
            int8_t *to = y + row * t.row_pitch + column * t.pitch;
            for (int32_t i = 0; i < p->output_channels; i++, w += depth, to++) {
                widen_weights(widened, w, depth);
                (clamp.is_relu ? run_relu : run_any)(&t, &channels[i], &clamp, to);
            }
        }
    }
}
