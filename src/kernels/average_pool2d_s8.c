/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/average_pool2d.h"

#include "requantize_inline.h"

/* The taps of one axis that lie in [low, high): first <= tap < end. `start` is the first tap's place. */
typedef struct {
    int32_t first, end;
} taps_t;

static taps_t taps_inside(int32_t start, int32_t dilation, int32_t taps, int32_t low, int32_t high)
{
    taps_t range = {0, taps};
    while (range.first < taps && start + range.first * dilation < low) {
        range.first++;
    }
    while (range.end > range.first && start + (range.end - 1) * dilation >= high) {
        range.end--;
    }
    return range;
}

/* Sum of `rows` x `columns` values of one channel. Steps are in bytes. */
static int32_t sum_of(const int8_t *x, int32_t rows, int32_t row_step, int32_t columns, int32_t column_step)
{
    int32_t sum = 0;
    if (row_step == columns * column_step) { /* rows are one behind the other */
        columns *= rows;
        rows = 1;
    }
    for (; rows > 0; rows--, x += row_step) {
        const int8_t *value = x;
        int32_t left = columns;
        for (; left >= 4; left -= 4) {
            sum += *value;
            value += column_step;
            sum += *value;
            value += column_step;
            sum += *value;
            value += column_step;
            sum += *value;
            value += column_step;
        }
        for (; left > 0; left--, value += column_step) {
            sum += *value;
        }
    }
    return sum;
}

void espdl_average_pool2d_s8(const espdl_average_pool2d_params_t *p, const int8_t *x, const int32_t *multiplier,
                             const int32_t *shift, int8_t *y)
{
    const int32_t line = p->input_width * p->input_pitch;
    const int32_t row_step = p->dilation_height * line, column_step = p->dilation_width * p->input_pitch;
    const int32_t border_bottom = p->input_height + p->pad_bottom, border_right = p->input_width + p->pad_right;
    for (int32_t oy = 0, top = -p->pad_top; oy < p->output_height; oy++, top += p->stride_height) {
        const taps_t ky = taps_inside(top, p->dilation_height, p->kernel_height, 0, p->input_height);
        const taps_t all_ky = taps_inside(top, p->dilation_height, p->kernel_height, -p->pad_top, border_bottom);
        int32_t left = -p->pad_left;
        for (int32_t ox = 0; ox < p->output_width; ox++, left += p->stride_width, y += p->output_pitch) {
            const taps_t kx = taps_inside(left, p->dilation_width, p->kernel_width, 0, p->input_width);
            const taps_t all_kx = taps_inside(left, p->dilation_width, p->kernel_width, -p->pad_left, border_right);
            const int32_t rows = ky.end - ky.first, columns = kx.end - kx.first;
            const int32_t padded = (all_ky.end - all_ky.first) * (all_kx.end - all_kx.first);
            const int32_t entry = p->uniform ? 0 : (p->count_include_pad ? padded : rows * columns) - 1;
            const int32_t zeros = rows * columns * p->input_zero_point;
            const int8_t *first = x + (top + ky.first * p->dilation_height) * line +
                                  (left + kx.first * p->dilation_width) * p->input_pitch;
            for (int32_t channel = 0; channel < p->channels; channel++) {
                const int32_t sum = sum_of(first + channel, rows, row_step, columns, column_step) - zeros;
                const int32_t scaled = espdl_requantize_tflite(sum, multiplier[entry], shift[entry]);
                y[channel] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
            }
        }
    }
}
