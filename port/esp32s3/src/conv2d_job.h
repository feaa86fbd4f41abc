/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the convolution kernels share: the walk over groups of 16 outputs, rows, and columns with equal taps.
 */
#pragma once

#include "espdl/esp32s3/conv2d.h"
#include "finish.h"
#include "pie_rectangle.h"
#include "windows.h"

/** A convolution; strides in bytes. `pixels` neighbours count as one pixel with that many times the channels. */
typedef struct {
    axis_t rows, columns;
    int32_t row_bytes;    /**< of the input */
    int32_t pixel_bytes;  /**< of the input */
    int32_t outputs;      /**< channels of the output */
    bool partial;         /**< outputs are no whole vectors: rows go through `scratch` */
    bool row_by_row;      /**< no output row may be written before all earlier ones are computed */
    finish_t finish;
    const int8_t *x;
    int8_t *y, *scratch;
} conv_job_t;

/** A rectangle of outputs that use the same taps, of one group of channels (16, or in 40 bits 1). */
typedef struct {
    const int8_t *x;         /**< first byte of the first tap inside the image */
    int8_t *y;
    int32_t y_step, y_pitch; /**< from output to output, from row to row */
    int32_t columns, rows;   /**< outputs */
    int32_t group;
    taps_t taps_down, taps_across; /**< those inside the image */
} conv_run_t;

typedef void (*conv_kernel_t)(const conv_job_t *job, const conv_run_t *run, const void *context);

/** What a block must know of the outputs; `step` bytes from window to window. */
static inline void set_outputs(pie_rectangle_t *p, const conv_job_t *j, const conv_run_t *r, int32_t step)
{
    p->rows = r->rows;
    p->columns = r->columns;
    p->x_next = j->rows.stride * j->row_bytes - r->columns * step;
    p->y_step = r->y_step;
    p->y_next = r->y_pitch - r->columns * r->y_step;
}

static inline conv_job_t make_conv_job(const espdl_s3_conv2d_params_t *p, const int8_t *x, int8_t *y, int8_t *scratch)
{
    conv_job_t j;
    j.rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                       p->output_height);
    j.columns = make_axis(p->input_width, p->pad_left, p->stride_width * p->pixels, p->dilation_width,
                          p->kernel_width + (p->pixels - 1) * p->stride_width, p->output_width / p->pixels);
    j.pixel_bytes = p->input_channels;
    j.row_bytes = p->input_width * p->input_channels;
    j.outputs = p->output_channels * p->pixels;
    j.partial = j.outputs % 16 != 0;
    j.finish = make_finish(p->shift, p->activation_min, p->activation_max);
    j.x = x;
    j.y = y;
    j.scratch = scratch;
    /* The Plan may let the output run into the input. */
    const uintptr_t from = (uintptr_t)x, to = (uintptr_t)y;
    const uintptr_t from_end = from + (uintptr_t)(j.rows.size * j.row_bytes);
    const uintptr_t to_end = to + (uintptr_t)(j.rows.windows * j.columns.windows * j.outputs);
    j.row_by_row = j.partial || (to < from_end && from < to_end);
    return j;
}

/** Outputs of one group, of which `channel` is the first, in some rows with the same taps. */
EE void conv_rows(const conv_job_t *j, int32_t group, int32_t channel, int32_t row, run_t rows, conv_kernel_t kernel,
                  const void *context)
{
    conv_run_t r;
    int8_t *y = j->y + row * j->columns.windows * j->outputs + channel;
    r.group = group;
    r.taps_down = rows.taps;
    r.rows = rows.count;
    r.y = j->partial ? j->scratch : y;
    r.y_step = j->partial ? 16 : j->outputs;
    r.y_pitch = j->columns.windows * j->outputs;
    const int8_t *from = j->x + (window_start(&j->rows, row) + rows.taps.first * j->rows.dilation) * j->row_bytes;
    for (int32_t column = 0; column < j->columns.windows; column += r.columns) {
        const run_t run = next_run(&j->columns, column);
        const int32_t first = window_start(&j->columns, column) + run.taps.first * j->columns.dilation;
        r.columns = run.count;
        r.taps_across = run.taps;
        r.x = from + first * j->pixel_bytes;
        kernel(j, &r, context);
        r.y += run.count * r.y_step;
    }
    if (j->partial) {
        const int32_t lanes = j->outputs - channel;
        scatter(j->scratch, y, j->columns.windows, lanes < 16 ? lanes : 16, j->outputs);
    }
}

/** All outputs of one group. */
EE void conv_group(const conv_job_t *j, int32_t group, int32_t channel, conv_kernel_t kernel, const void *context)
{
    for (int32_t row = 0; row < j->rows.windows;) {
        run_t rows = next_run(&j->rows, row);
        rows.count = j->row_by_row ? 1 : rows.count;
        conv_rows(j, group, channel, row, rows, kernel, context);
        row += rows.count;
    }
}

/** The whole convolution: groups outside, so that the weights of one group stay in the cache. */
EE void conv_run(const conv_job_t *j, conv_kernel_t kernel, const void *context)
{
    for (int32_t group = 0; group * 16 < j->outputs; group++) {
        conv_group(j, group, group * 16, kernel, context);
    }
    clamp_output(&j->finish, j->y, j->rows.windows * j->columns.windows * j->outputs);
}
