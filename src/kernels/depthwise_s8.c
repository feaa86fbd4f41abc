/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/depthwise.h"

#include "fast_scale.h"
#include "keep.h"

enum { WIDTH = 4 };

/* Sums of `width` neighbouring channels; `x` is at the first of them, `border` what lies outside the input. */
ESPDL_INLINE void sum_window(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *border, int32_t top,
                             int32_t left, const int8_t *weights, int32_t width, int32_t sums[WIDTH])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t ky = 0, row = top; ky < p->kernel_height; ky++, row += p->dilation_height) {
        const int row_inside = row >= 0 && row < p->input_height;
        const int8_t *line = x + row * p->input_width * p->input_pitch;
        for (int32_t kx = 0, column = left; kx < p->kernel_width; kx++, column += p->dilation_width) {
            const int inside = row_inside && column >= 0 && column < p->input_width;
            const int8_t *pixel = inside ? line + column * p->input_pitch : border;
            s0 += pixel[0] * weights[0];
            if (width == WIDTH) {
                s1 += pixel[1] * weights[1];
                s2 += pixel[2] * weights[2];
                s3 += pixel[3] * weights[3];
            }
            weights += width;
        }
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

void espdl_depthwise_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                        const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int8_t zero = (int8_t)p->input_zero_point;
    const int8_t border[WIDTH] = {zero, zero, zero, zero};
    const int32_t taps = p->kernel_height * p->kernel_width;
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int32_t top = oy * p->stride_height - p->pad_top;
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch - p->input_channels) {
            const int32_t left = ox * p->stride_width - p->pad_left;
            const int8_t *w = weights;
            int32_t width = WIDTH;
            for (int32_t channel = 0; channel < p->input_channels; channel += width, w += width * taps) {
                int32_t sums[WIDTH];
                if (channel + WIDTH <= p->input_channels) {
                    sum_window(p, x + channel, border, top, left, w, WIDTH, sums);
                } else {
                    width = 1;
                    sum_window(p, x + channel, border, top, left, w, 1, sums);
                }
                const espdl_fast_channel_t *c = &channels[channel];
                for (int32_t i = 0; i < width; i++, c++) {
                    espdl_scale_t scale = espdl_scale_of(c);
                    *y++ = (int8_t)espdl_fast_scale(sums[i] + c->bias, &scale, &clamp);
                }
            }
        }
    }
}
