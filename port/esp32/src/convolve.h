/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions tile by tile: strips of windows, then one channel after the other. Each kernel includes this once.
 */
#pragma once

#include "mac16.h"
#include "scale.h"
#include "strips.h"

/** What all channels of a tile share. */
typedef struct {
    const int16_t *strip;   /**< of the first row */
    int32_t strip_step;     /**< from the strip of one row to the next */
    int32_t rows, columns;
    int32_t window_step;
    const int16_t *weights;
    int32_t blocks;         /**< four products each */
    int32_t pitch, row_pitch; /**< values from one pixel, one row of the output to the next */
} tile_t;

/** One channel of a tile; `y` at its first output. */
typedef void (*run_channel_t)(const tile_t *t, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp, void *y);

/** Values of `bytes` bytes; the pitches of `p` are in bytes. `scratch` as espdl_mac16_conv2d_s8() takes it. */
static inline void convolve(const espdl_mac16_conv2d_params_t *p, const void *x, int32_t bytes, const int8_t *weights,
                            const espdl_fast_channel_t *channels, const espdl_clamp_t *clamp, run_channel_t run, int8_t *y,
                            void *scratch)
{
    const strips_t strips = make_strips(p, x, bytes);
    const int32_t depth = (p->kernel_width * strips.column + 3) & ~3;
    int16_t *const widened = scratch, *const strip = widened + depth + 2;
    tile_t t = {.strip = strip, .window_step = strips.window_step, .weights = widened, .blocks = depth / 4};
    t.pitch = p->output_pitch / bytes;
    t.row_pitch = p->output_width * t.pitch;
    for (int32_t row = 0; row < p->output_height; row += t.rows) {
        t.rows = p->output_height - row < p->tile_rows ? p->output_height - row : p->tile_rows;
        for (int32_t column = 0; column < p->output_width; column += t.columns) {
            t.columns = p->output_width - column < p->tile_columns ? p->output_width - column : p->tile_columns;
            t.strip_step = strip_values(&strips, t.columns);
            for (int32_t i = 0; i < t.rows; i++) {
                fill_strip(&strips, strip + i * t.strip_step, (row + i) * p->stride_height - p->pad_top,
                           column * p->stride_width - p->pad_left, t.columns);
            }
            const int8_t *w = weights;
            int8_t *to = y + (row * p->output_width + column) * p->output_pitch;
            for (int32_t i = 0; i < p->output_channels; i++, w += depth, to += bytes) {
                widen_weights(widened, w, depth);
                run(&t, &channels[i], clamp, to);
            }
        }
    }
}
