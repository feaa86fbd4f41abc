/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/conv_transpose2d.h"

#include "requantize_inline.h"

/* The row or column of the input that tap `k` brings to place `o` of the output, or -1 for none. */
static int32_t source(int32_t o, int32_t pad, int32_t k, int32_t dilation, int32_t stride, int32_t size)
{
    const int32_t reach = o + pad - k * dilation;
    if (reach < 0 || reach % stride != 0 || reach / stride >= size) {
        return -1;
    }
    return reach / stride;
}

static int32_t dot(const int8_t *x, const int8_t *weights, int32_t count, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        sum += (x[i] - zero_point) * weights[i];
    }
    return sum;
}

static int32_t accumulate(const espdl_conv_transpose2d_params_t *p, const int8_t *x, const int8_t *weights, int32_t oy,
                          int32_t ox)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        const int32_t row = source(oy, p->pad_top, ky, p->dilation_height, p->stride_height, p->input_height);
        for (int32_t kx = 0; row >= 0 && kx < p->kernel_width; kx++) {
            const int32_t column = source(ox, p->pad_left, kx, p->dilation_width, p->stride_width, p->input_width);
            if (column >= 0) {
                sum += dot(x + (row * p->input_width + column) * p->input_channels,
                           weights + (ky * p->kernel_width + kx) * p->input_channels, p->input_channels,
                           p->input_zero_point);
            }
        }
    }
    return sum;
}

void espdl_conv_transpose2d_s8(const espdl_conv_transpose2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const espdl_channel_t *channels, int8_t *y)
{
    const int32_t filter = p->kernel_height * p->kernel_width * p->input_channels;
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            for (int32_t c = 0; c < p->output_channels; c++) {
                const espdl_channel_t *channel = &channels[c];
                const int32_t acc = accumulate(p, x, weights + c * filter, oy, ox) + channel->bias;
                const int32_t scaled = espdl_requantize(acc, channel->multiplier, channel->shift, p->rounding);
                y[c] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
            }
        }
    }
}
