/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/pool2d.h"

#include <stdbool.h>

#include "finish.h"
#include "windows.h"

/** A window, `x` at its first tap inside the image: taps, and the steps between them. */
typedef struct {
    const int8_t *x;
    int32_t rows, columns, row_step, step;
} taken_t;

static const int8_t s_lowest = INT8_MIN;

/* The largest values of whole vectors of channels. */
static void take_vectors(const taken_t *t, int32_t channels, int8_t *y)
{
    for (int32_t channel = 0; channel < channels; channel += 16) {
        const int8_t *from = t->x + channel;
        ee_vldbc_8_ip(0, &s_lowest, 0);
        for (int32_t row = t->rows; row > 0; row--) {
            pie_max(from, t->columns, t->step);
            from += t->row_step;
        }
        y = ee_vst_128_ip(0, y, 16);
    }
}

/* Those of any channels, at any address, clamped. */
static void take_bytes(const taken_t *t, int32_t channels, const finish_t *clamp, int8_t *y)
{
    _Alignas(16) int8_t largest[16];
    for (int32_t channel = 0; channel < channels; channel += 16) {
        const int8_t *from = t->x + channel;
        const int32_t lanes = channels - channel < 16 ? channels - channel : 16;
        ee_vldbc_8_ip(0, &s_lowest, 0);
        for (int32_t row = t->rows; row > 0; row--) {
            pie_max_unaligned(from, t->columns, t->step, lanes - 1);
            from += t->row_step;
        }
        ee_vst_128_ip(0, largest, 0);
        espdl_s3_clamp_output(clamp, largest, 16);
        scatter(largest, y + channel, 1, lanes, 0);
    }
}

void espdl_s3_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y)
{
    const axis_t rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                                  p->output_height);
    const axis_t columns = make_axis(p->input_width, p->pad_left, p->stride_width, p->dilation_width, p->kernel_width,
                                     p->output_width);
    const finish_t clamp = make_clamp(p->activation_min, p->activation_max);
    const int32_t pixel = p->channels, line = p->input_width * pixel;
    const bool is_whole = (((uintptr_t)x | (uintptr_t)y | (uintptr_t)pixel) & 15) == 0;
    int8_t *to = y;
    for (int32_t row = 0; row < p->output_height; row++) {
        const taps_t ky = taps_inside(&rows, row);
        const int32_t top = window_start(&rows, row) + ky.first * p->dilation_height;
        for (int32_t column = 0; column < p->output_width; column++, to += pixel) {
            const taps_t kx = taps_inside(&columns, column);
            const int32_t left = window_start(&columns, column) + kx.first * p->dilation_width;
            const taken_t taken = {x + top * line + left * pixel, kx.count > 0 ? ky.count : 0, kx.count,
                                   p->dilation_height * line, p->dilation_width * pixel};
            if (is_whole) {
                take_vectors(&taken, pixel, to);
            } else {
                take_bytes(&taken, pixel, &clamp, to);
            }
        }
    }
    if (is_whole) {
        espdl_s3_clamp_output(&clamp, y, (int32_t)(to - y));
    }
}
