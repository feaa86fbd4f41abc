/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/depthwise.h"

#include "depthwise.h"

ESPDL_INLINE void scale_row(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, int8_t *y,
                            int32_t relu)
{
    const espdl_clamp_t clamp = d->clamp;
    const int32_t pitch = d->p->output_channels;
    channel_scale_t scale = channel_scale(channel);
    for (const int32_t *end = sums + 2 * d->p->output_width; sums != end; sums += 2, y += pitch) {
        *y = (int8_t)scale_sum(*sums, &scale, &clamp, relu);
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

void espdl_mac16_depthwise_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    run_depthwise(p, false, x, weights, channels, SCALES, y, scratch);
}
