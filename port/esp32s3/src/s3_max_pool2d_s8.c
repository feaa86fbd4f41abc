/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/pool2d.h"
#include "finish.h"
#include "windows.h"

/* One output pixel; `x` is at the first tap inside the image. */
static void pixel(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, int32_t rows, int32_t columns)
{
    static const int8_t s_lowest = INT8_MIN;
    const int32_t row_step = p->dilation_height * p->input_width * p->channels;
    const int32_t step = p->dilation_width * p->channels;
    for (int32_t channel = 0; channel < p->channels; channel += 16) {
        const int8_t *from = x + channel;
        ee_vldbc_8_ip(0, &s_lowest, 0);
        for (int32_t row = rows; row > 0; row--) {
            pie_max(from, columns, step);
            from += row_step;
        }
        y = ee_vst_128_ip(0, y, 16);
    }
}

void espdl_s3_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y)
{
    const axis_t rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                                  p->output_height);
    const axis_t columns = make_axis(p->input_width, p->pad_left, p->stride_width, p->dilation_width, p->kernel_width,
                                     p->output_width);
    const finish_t finish = make_finish(0, p->activation_min, p->activation_max);
    int8_t *to = y;
    for (int32_t row = 0; row < p->output_height; row++) {
        const taps_t ky = taps_inside(&rows, row);
        const int32_t top = window_start(&rows, row) + ky.first * p->dilation_height;
        for (int32_t column = 0; column < p->output_width; column++, to += p->channels) {
            const taps_t kx = taps_inside(&columns, column);
            const int32_t left = window_start(&columns, column) + kx.first * p->dilation_width;
            pixel(p, x + (top * p->input_width + left) * p->channels, to, kx.count > 0 ? ky.count : 0, kx.count);
        }
    }
    if (p->activation_min != -128 || p->activation_max != 127) {
        const finish_t all = {.clamps = true, .low = finish.low, .high = finish.high};
        espdl_s3_clamp_output(&all, y, p->output_height * p->output_width * p->channels);
    }
}
