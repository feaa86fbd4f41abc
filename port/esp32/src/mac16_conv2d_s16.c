/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/conv2d_s16.h"

#include "convolve.h"

ESPDL_INLINE void run_channel(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *limits, int16_t *y,
                              int32_t relu)
{
    const espdl_clamp_t clamp = *limits;
    const int32_t bias = channel->bias, step = t->window_step, blocks = t->blocks, pitch = t->pitch;
    const int16_t *const weights = t->weights - 2;
    channel_scale_t scale = channel_scale(channel);
    for (int32_t row = 0; row < t->rows; row++, y += t->row_pitch) {
        const int16_t *window = t->strip + row * t->strip_step - 2;
        int16_t *to = y;
        for (int32_t left = t->columns; left > 0; left--, window += step, to += pitch) {
            *to = (int16_t)scale_wide_sum(mac16_dot(window, weights, blocks, bias), &scale, &clamp, relu);
        }
    }
}

/* One loop each: together they would take more registers than there are. */
static KEEP_APART void run_relu(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, void *y)
{
    run_channel(t, channel, clamp, y, 1);
}

static KEEP_APART void run_any(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, void *y)
{
    run_channel(t, channel, clamp, y, 0);
}

void espdl_mac16_conv2d_s16(const espdl_mac16_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int16_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, 0, ESPDL_ROUND_HALF_UP);
    const espdl_mac16_conv2d_params_t shape = {
        .input_height = p->input_height,
        .input_width = p->input_width,
        .input_channels = p->input_channels,
        .output_height = p->output_height,
        .output_width = p->output_width,
        .output_channels = p->output_channels,
        .kernel_height = p->kernel_height,
        .kernel_width = p->kernel_width,
        .stride_height = p->stride_height,
        .stride_width = p->stride_width,
        .dilation_height = p->dilation_height,
        .dilation_width = p->dilation_width,
        .pad_top = p->pad_top,
        .pad_left = p->pad_left,
        .input_pitch = 2 * p->input_channels,
        .output_pitch = 2 * p->output_channels,
        .tile_rows = p->tile_rows,
        .tile_columns = p->tile_columns,
    };
    convolve(&shape, x, 2, weights, channels, &clamp, clamp.is_relu ? run_relu : run_any, (int8_t *)y, scratch);
}
