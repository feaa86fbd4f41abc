/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/max_pool2d_s16.h"

static int32_t window_max(const espdl_max_pool2d_params_t *p, const int16_t *x, int32_t top, int32_t left)
{
    int32_t max = p->activation_min;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        const int32_t row = top + ky * p->dilation_height;
        if (row < 0 || row >= p->input_height) {
            continue;
        }
        for (int32_t kx = 0; kx < p->kernel_width; kx++) {
            const int32_t column = left + kx * p->dilation_width;
            if (column >= 0 && column < p->input_width) {
                const int32_t value = x[(row * p->input_width + column) * p->input_pitch];
                max = value > max ? value : max;
            }
        }
    }
    return max;
}

void espdl_max_pool2d_s16(const espdl_max_pool2d_params_t *p, const int16_t *x, int16_t *y)
{
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int32_t top = oy * p->stride_height - p->pad_top;
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            const int32_t left = ox * p->stride_width - p->pad_left;
            for (int32_t channel = 0; channel < p->channels; channel++) {
                const int32_t max = window_max(p, x + channel, top, left);
                y[channel] = (int16_t)(max > p->activation_max ? p->activation_max : max);
            }
        }
    }
}
