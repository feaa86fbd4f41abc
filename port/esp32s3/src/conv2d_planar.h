/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions of images with their channels first, by kernels that take them last.
 */
#pragma once

#include <stdbool.h>

#include "espdl/esp32s3/conv2d.h"

/* Four pixels at a time, which the compiler would take one by one; returns how many. Of bytes without a sign: loads
 * would extend it. */
static inline int32_t copy_colours(const int8_t *x, int32_t plane, int32_t pixels, int8_t *to)
{
    const uint8_t *r = (const uint8_t *)x, *g = r + plane, *b = g + plane, *const end = r + (pixels & ~3);
    for (uint8_t *y = (uint8_t *)to; r != end; r += 4, g += 4, b += 4, y += 12) {
        y[0] = r[0], y[1] = g[0], y[2] = b[0];
        y[3] = r[1], y[4] = g[1], y[5] = b[1];
        y[6] = r[2], y[7] = g[2], y[8] = b[2];
        y[9] = r[3], y[10] = g[3], y[11] = b[3];
    }
    return pixels & ~3;
}

/** Some rows of all planes with their channels last. */
static inline void copy_planes(const espdl_s3_conv2d_params_t *p, const int8_t *x, int32_t rows, int8_t *to)
{
    const int32_t channels = p->input_channels, all = rows * p->input_width;
    const int32_t done = channels == 3 ? copy_colours(x, p->input_pitch, all, to) : 0, pixels = all - done;
    x += done;
    to += done * channels;
    for (int32_t channel = 0; channel < channels; channel++, x += p->input_pitch) {
        int8_t *place = to + channel;
        for (const int8_t *from = x, *const end = x + pixels; from != end; from++, place += channels) {
            *place = *from;
        }
    }
}

static inline int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/** A band of outputs after the other: what a kernel that takes channels last is called with, but for its constants. */
typedef struct {
    const espdl_s3_conv2d_params_t *all;
    const int8_t *planes;
    int8_t *outputs;
    int32_t row;                   /**< of outputs, that comes next */
    espdl_s3_conv2d_params_t part;
    int8_t *x, *y, *scratch;
} bands_t;

static inline bands_t make_bands(const espdl_s3_conv2d_params_t *p, const int8_t *planes, int8_t *y, int8_t *scratch)
{
    const int32_t reach = (p->kernel_height - 1) * p->dilation_height + 1;
    const int32_t rows = least((p->band - 1) * p->stride_height + reach, p->input_height);
    int8_t *const behind = scratch + 16 * (rows * p->input_width * p->input_channels / 16 + 1);
    return (bands_t){p, planes, y, 0, *p, scratch, y, behind};
}

/** Copies the rows that the next band needs; false where there is none. */
static inline bool next_band(bands_t *b)
{
    const espdl_s3_conv2d_params_t *p = b->all;
    if (b->row >= p->output_height) {
        return false;
    }
    const int32_t reach = (p->kernel_height - 1) * p->dilation_height + 1;
    const int32_t start = b->row * p->stride_height - p->pad_top, first = start > 0 ? start : 0;
    b->part.output_height = least(p->band, p->output_height - b->row);
    const int32_t end = start + (b->part.output_height - 1) * p->stride_height + reach;
    b->part.pad_top = first - start;
    b->part.input_height = least(end, p->input_height) - first;
    copy_planes(p, b->planes + first * p->input_width, b->part.input_height, b->x);
    b->y = b->outputs + b->row * p->output_width * p->output_channels;
    b->row += p->band;
    return true;
}
