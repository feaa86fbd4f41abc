/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/max_pool2d.h"

#include <string.h>

/* y[channel] = max(y[channel], x[channel]): the window is walked tap by tap so that the inner loop runs along
 * memory. */
static void take_larger(const int8_t *x, int8_t *y, int32_t channels)
{
    for (int32_t i = 0; i < channels; i++) {
        if (x[i] > y[i]) {
            y[i] = x[i];
        }
    }
}

static void clamp_above(int8_t *y, int32_t channels, int32_t high)
{
    for (int32_t i = 0; i < channels; i++) {
        if (y[i] > high) {
            y[i] = (int8_t)high;
        }
    }
}

void espdl_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y)
{
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            memset(y, p->activation_min, (size_t)p->channels);
            for (int32_t ky = 0; ky < p->kernel_height; ky++) {
                const int32_t row = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
                if (row < 0 || row >= p->input_height) {
                    continue;
                }
                for (int32_t kx = 0; kx < p->kernel_width; kx++) {
                    const int32_t column = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
                    if (column >= 0 && column < p->input_width) {
                        take_larger(x + (row * p->input_width + column) * p->input_pitch, y, p->channels);
                    }
                }
            }
            if (p->activation_max < INT8_MAX) {
                clamp_above(y, p->channels, p->activation_max);
            }
        }
    }
}
