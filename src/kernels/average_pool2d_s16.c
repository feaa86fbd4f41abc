/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/average_pool2d_s16.h"

#include "wide_inline.h"

/* How many of `taps` places start, start + dilation, ... lie in [low, high). */
static int32_t count_inside(int32_t start, int32_t dilation, int32_t taps, int32_t low, int32_t high)
{
    int32_t count = 0;
    for (int32_t tap = 0; tap < taps; tap++) {
        const int32_t place = start + tap * dilation;
        count += place >= low && place < high;
    }
    return count;
}

static int32_t window_sum(const espdl_average_pool2d_s16_params_t *p, const int16_t *x, int32_t top, int32_t left)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        const int32_t row = top + ky * p->dilation_height;
        if (row < 0 || row >= p->input_height) {
            continue;
        }
        for (int32_t kx = 0; kx < p->kernel_width; kx++) {
            const int32_t column = left + kx * p->dilation_width;
            if (column >= 0 && column < p->input_width) {
                sum += x[(row * p->input_width + column) * p->input_pitch];
            }
        }
    }
    return sum;
}

void espdl_average_pool2d_s16(const espdl_average_pool2d_s16_params_t *p, const int16_t *x, const int32_t *multiplier,
                              const int32_t *shift, int16_t *y)
{
    const int32_t border_top = p->count_include_pad ? -p->pad_top : 0;
    const int32_t border_left = p->count_include_pad ? -p->pad_left : 0;
    const int32_t border_bottom = p->input_height + (p->count_include_pad ? p->pad_bottom : 0);
    const int32_t border_right = p->input_width + (p->count_include_pad ? p->pad_right : 0);
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int32_t top = oy * p->stride_height - p->pad_top;
        const int32_t rows = count_inside(top, p->dilation_height, p->kernel_height, border_top, border_bottom);
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            const int32_t left = ox * p->stride_width - p->pad_left;
            const int32_t columns = count_inside(left, p->dilation_width, p->kernel_width, border_left, border_right);
            const int32_t entry = p->uniform ? 0 : rows * columns - 1;
            for (int32_t channel = 0; channel < p->channels; channel++) {
                y[channel] = espdl_scale_s16(window_sum(p, x + channel, top, left), multiplier[entry], shift[entry],
                                             p->activation_min, p->activation_max);
            }
        }
    }
}
