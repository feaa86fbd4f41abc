/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/depthwise.h"

#include "depthwise.h"

ESPDL_INLINE void scale_row(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, int16_t *y,
                            int32_t relu)
{
    const espdl_clamp_t clamp = d->clamp;
    const int32_t pitch = d->p->output_channels;
    channel_scale_t scale = channel_scale(channel);
    for (const int32_t *end = sums + 2 * d->p->output_width; sums != end; sums += 2, y += pitch) {
        *y = (int16_t)scale_wide_sum(*sums, &scale, &clamp, relu);
    }
}

static KEEP_APART void scale_any(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, void *y)
{
    scale_row(d, sums, channel, y, 0);
}

static KEEP_APART void scale_relu(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, void *y)
{
    scale_row(d, sums, channel, y, 1);
}

static const scale_row_t SCALES[2] = {scale_any, scale_relu};

void espdl_mac16_depthwise_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                               const espdl_fast_channel_t *channels, int16_t *y, void *scratch)
{
    const espdl_conv2d_params_t shape = {
        .input_height = p->input_height,
        .input_width = p->input_width,
        .input_channels = p->input_channels,
        .groups = p->groups,
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
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .rounding = ESPDL_ROUND_HALF_UP,
    };
    run_depthwise(&shape, true, (const int8_t *)x, weights, channels, SCALES, (int8_t *)y, scratch);
}
