/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The windows of some outputs in one row, in 16 bits: a strip.
 *
 * A strip has columns of the image one behind the other, and of each the rows of the kernel. So a window with dilation_width 1
 * lies in one piece, and windows share the columns that they have in common. Where windows share none, or leave columns out
 * (dilation), each has columns of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "espdl/esp32/conv2d.h"
#include "widen.h"

/** What pixels are made of. */
typedef enum {
    PIXELS_OF_BYTES,
    PIXELS_OF_WORDS,  /**< bytes, a multiple of four */
    PIXELS_OF_HALVES, /**< 16 bits */
} pixels_t;

/** How strips of a convolution are made. Sizes are in values unless said otherwise. */
typedef struct {
    const int8_t *x;
    int32_t row_bytes, pixel_bytes;      /**< from one to the next in `x` */
    int32_t height, width;               /**< of the image */
    int32_t channels, column;            /**< of a pixel; of a column of the strip, even */
    int32_t rows, row_step;              /**< of the kernel; their dilation */
    int32_t columns, column_step;        /**< of the kernel; their dilation */
    int32_t stride;
    int32_t window_step;                 /**< from the window of one output to the next */
    bool shares;                         /**< windows share columns */
    pixels_t pixels;
    uint32_t border;                     /**< two values of the border */
} strips_t;

/** `x` has values of `bytes` bytes. */
static inline strips_t make_strips(const espdl_mac16_conv2d_params_t *p, const void *x, int32_t bytes)
{
    strips_t s;
    s.x = x;
    s.pixel_bytes = p->input_pitch;
    s.row_bytes = p->input_width * p->input_pitch;
    s.height = p->input_height;
    s.width = p->input_width;
    s.channels = p->input_channels;
    s.rows = p->kernel_height;
    s.row_step = p->dilation_height;
    s.columns = p->kernel_width;
    s.column_step = p->dilation_width;
    s.stride = p->stride_width;
    s.column = (s.rows * s.channels + 1) & ~1;
    s.shares = s.column_step == 1 && s.columns > s.stride;
    s.window_step = (s.shares ? s.stride : s.columns) * s.column;
    s.pixels = bytes == 2 ? PIXELS_OF_HALVES : (s.pixel_bytes | s.channels) & 3 ? PIXELS_OF_BYTES : PIXELS_OF_WORDS;
    s.border = bytes == 2 ? 0 : (uint32_t)(p->input_zero_point + 128) * 0x00010001u;
    return s;
}

/** How many values a strip of `outputs` outputs has. */
static inline int32_t strip_values(const strips_t *s, int32_t outputs)
{
    return (s->shares ? (outputs - 1) * s->stride + s->columns : outputs * s->columns) * s->column;
}

/* A pixel of the border. */
static inline void fill_border(const strips_t *s, int16_t *to)
{
    int32_t count = s->channels;
    for (; count >= 2 && s->pixels == PIXELS_OF_WORDS; count -= 2, to += 2) {
        store_word(to, s->border);
    }
    for (; count > 0; count--) {
        *to++ = (int16_t)s->border;
    }
}

/* One row of the kernel in `count` columns, `step` columns of the image apart, of which `column` is the first. */
static inline void fill_row(const strips_t *s, int16_t *to, const int8_t *row, int32_t column, int32_t count, int32_t step)
{
    for (; count > 0; count--, column += step, to += s->column) {
        if (row == NULL || column < 0 || column >= s->width) {
            fill_border(s, to);
        } else if (s->pixels == PIXELS_OF_WORDS) {
            widen(to, row + column * s->pixel_bytes, s->channels);
        } else if (s->pixels == PIXELS_OF_BYTES) {
            widen_bytes(to, row + column * s->pixel_bytes, s->channels);
        } else {
            copy_halves(to, (const int16_t *)(const void *)(row + column * s->pixel_bytes), s->channels);
        }
    }
}

/** The strip for `outputs` outputs whose first window begins at `top`, `left` of the image. */
static KEEP_APART void fill_strip(const strips_t *s, int16_t *to, int32_t top, int32_t left, int32_t outputs)
{
    for (int32_t ky = 0; ky < s->rows; ky++, top += s->row_step, to += s->channels) {
        const int8_t *row = top >= 0 && top < s->height ? s->x + top * s->row_bytes : NULL;
        if (s->shares) {
            fill_row(s, to, row, left, (outputs - 1) * s->stride + s->columns, 1);
            continue;
        }
        int16_t *window = to;
        for (int32_t i = 0; i < outputs; i++, window += s->window_step) {
            fill_row(s, window, row, left + i * s->stride, s->columns, s->column_step);
        }
    }
}
