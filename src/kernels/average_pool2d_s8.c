/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/average_pool2d.h"

#include "requantize_inline.h"

/* The taps of one axis that lie in [0, size): first <= tap < end. `start` is the first tap's place. */
typedef struct {
    int32_t first, end;
} taps_t;

static taps_t taps_inside(int32_t start, int32_t dilation, int32_t taps, int32_t low, int32_t size)
{
    taps_t range = {0, taps};
    while (range.first < taps && start + range.first * dilation < low) {
        range.first++;
    }
    while (range.end > range.first && start + (range.end - 1) * dilation >= size) {
        range.end--;
    }
    return range;
}

/* `x` is at the window's channel, tap (0, 0), which may lie outside the input. */
static int32_t window_sum(const espdl_average_pool2d_params_t *p, const int8_t *x, int32_t top, int32_t left,
                          taps_t rows, taps_t columns)
{
    int32_t sum = 0;
    for (int32_t ky = rows.first; ky < rows.end; ky++) {
        for (int32_t kx = columns.first; kx < columns.end; kx++) {
            const int32_t row = top + ky * p->dilation_height;
            const int32_t column = left + kx * p->dilation_width;
            sum += x[(row * p->input_width + column) * p->channels] - p->input_zero_point;
        }
    }
    return sum;
}

void espdl_average_pool2d_s8(const espdl_average_pool2d_params_t *p, const int8_t *x, const int32_t *multiplier,
                             const int32_t *shift, int8_t *y)
{
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int32_t top = oy * p->stride_height - p->pad_top;
        const taps_t rows = taps_inside(top, p->dilation_height, p->kernel_height, 0, p->input_height);
        const taps_t padded_rows =
            taps_inside(top, p->dilation_height, p->kernel_height, -p->pad_top, p->input_height + p->pad_bottom);
        for (int32_t ox = 0; ox < p->output_width; ox++) {
            const int32_t left = ox * p->stride_width - p->pad_left;
            const taps_t columns = taps_inside(left, p->dilation_width, p->kernel_width, 0, p->input_width);
            const taps_t padded_columns =
                taps_inside(left, p->dilation_width, p->kernel_width, -p->pad_left, p->input_width + p->pad_right);
            int32_t count = (rows.end - rows.first) * (columns.end - columns.first);
            if (p->count_include_pad) {
                count = (padded_rows.end - padded_rows.first) * (padded_columns.end - padded_columns.first);
            }
            const int32_t entry = p->uniform ? 0 : count - 1;
            for (int32_t channel = 0; channel < p->channels; channel++) {
                int32_t sum = window_sum(p, x + channel, top, left, rows, columns);
                int32_t scaled = espdl_requantize_tflite(sum, multiplier[entry], shift[entry]);
                *y++ = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
            }
        }
    }
}
