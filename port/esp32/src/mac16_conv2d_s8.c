/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/conv2d.h"

#include "convolve.h"

ESPDL_INLINE void run_channel(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *limits, int8_t *y,
                              int32_t relu)
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
static KEEP_APART void run_relu(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, void *y)
{
    run_channel(t, channel, clamp, y, 1);
}

static KEEP_APART void run_any(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, void *y)
{
    run_channel(t, channel, clamp, y, 0);
}

void espdl_mac16_conv2d_s8(const espdl_mac16_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                           const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    convolve(p, x, 1, weights, channels, &clamp, clamp.is_relu ? run_relu : run_any, y, scratch);
}
