/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/conv2d_s16.h"

#include "wide_inline.h"

/* As many products of 16 and 8 bits cannot leave 32 bits. */
#define CHUNK 256

static int64_t dot(const int16_t *x, const int8_t *weights, int32_t count)
{
    int64_t total = 0;
    while (count > 0) {
        const int32_t chunk = count < CHUNK ? count : CHUNK;
        int32_t sum = 0;
        for (int32_t i = 0; i < chunk; i++) {
            sum += x[i] * weights[i];
        }
        total += sum;
        x += chunk;
        weights += chunk;
        count -= chunk;
    }
    return total;
}

/* Sum of one window; taps on the border hold zero and add nothing. `x` is at the group's first channel. */
static int64_t window_sum(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights, int32_t top,
                          int32_t left)
{
    const int32_t group_inputs = p->input_channels / p->groups;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++, weights += p->kernel_width * group_inputs) {
        const int32_t row = top + ky * p->dilation_height;
        if (row < 0 || row >= p->input_height) {
            continue;
        }
        for (int32_t kx = 0; kx < p->kernel_width; kx++) {
            const int32_t column = left + kx * p->dilation_width;
            if (column >= 0 && column < p->input_width) {
                const int16_t *pixel = x + (row * p->input_width + column) * p->input_channels;
                sum += dot(pixel, weights + kx * group_inputs, group_inputs);
            }
        }
    }
    return sum;
}

/* The same where all taps lie inside and a row of the window lies in one piece. */
static int64_t inner_sum(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights)
{
    const int32_t line = p->kernel_width * p->input_channels;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        sum += dot(x, weights, line);
        x += p->dilation_height * p->input_width * p->input_channels;
        weights += line;
    }
    return sum;
}

void espdl_conv2d_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                      const espdl_channel_t *channels, int16_t *y)
{
    const int32_t group_inputs = p->input_channels / p->groups;
    const int32_t group_outputs = p->output_channels / p->groups;
    const int32_t filter_size = p->kernel_height * p->kernel_width * group_inputs;
    const int32_t reach_y = (p->kernel_height - 1) * p->dilation_height;
    const int32_t reach_x = (p->kernel_width - 1) * p->dilation_width;
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int32_t top = oy * p->stride_height - p->pad_top;
        for (int32_t ox = 0; ox < p->output_width; ox++) {
            const int32_t left = ox * p->stride_width - p->pad_left;
            const int is_inside = top >= 0 && left >= 0 && top + reach_y < p->input_height &&
                                  left + reach_x < p->input_width && p->groups == 1 && p->dilation_width == 1;
            for (int32_t channel = 0; channel < p->output_channels; channel++) {
                const int8_t *filter = weights + channel * filter_size;
                const espdl_channel_t *c = &channels[channel];
                const int64_t sum =
                    is_inside ? inner_sum(p, x + (top * p->input_width + left) * p->input_channels, filter)
                              : window_sum(p, x + channel / group_outputs * group_inputs, filter, top, left);
                *y++ = espdl_scale_s16(sum + c->bias, c->multiplier, c->shift, p->activation_min, p->activation_max);
            }
        }
    }
}
