/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/conv2d.h"

#include "requantize_inline.h"

/* Sum of one window; taps on the border hold the zero point and add nothing. `x` is at the group's first channel. */
static int32_t window_sum(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights, int32_t top,
                          int32_t left)
{
    const int32_t group_inputs = p->input_channels / p->groups;
    int32_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        const int32_t row = top + ky * p->dilation_height;
        for (int32_t kx = 0; kx < p->kernel_width; kx++, weights += group_inputs) {
            const int32_t column = left + kx * p->dilation_width;
            if (row < 0 || row >= p->input_height || column < 0 || column >= p->input_width) {
                continue;
            }
            const int8_t *pixel = x + (row * p->input_width + column) * p->input_pitch;
            for (int32_t i = 0; i < group_inputs; i++) {
                sum += (pixel[i] - p->input_zero_point) * weights[i];
            }
        }
    }
    return sum;
}

void espdl_conv2d_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                     const espdl_channel_t *channels, int8_t *y)
{
    const int32_t group_inputs = p->input_channels / p->groups;
    const int32_t group_outputs = p->output_channels / p->groups;
    const int32_t filter_size = p->kernel_height * p->kernel_width * group_inputs;
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            const int32_t top = oy * p->stride_height - p->pad_top;
            const int32_t left = ox * p->stride_width - p->pad_left;
            for (int32_t channel = 0; channel < p->output_channels; channel++) {
                const int8_t *group = x + channel / group_outputs * group_inputs;
                const espdl_channel_t *c = &channels[channel];
                int32_t acc = c->bias + window_sum(p, group, weights + channel * filter_size, top, left);
                int32_t scaled = espdl_requantize(acc, c->multiplier, c->shift, p->rounding);
                y[channel] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
            }
        }
    }
}
