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
#include "windows.h"

/** A convolution; strides in bytes. `pixels` neighbours count as one pixel with that many times the channels. */
typedef struct {
    axis_t rows, columns;
    int32_t row_bytes;    /**< of the input */
    int32_t pixel_bytes;  /**< of the input */
    int32_t outputs;      /**< channels of the output */
    bool partial;         /**< outputs are no whole vectors: rows go through `scratch` */
    finish_t finish;
    int8_t *y, *scratch;
} conv_job_t;

/** Neighbours in a row of outputs, one group of channels each (16, or in 40 bits 1), that use the same taps. */
typedef struct {
    const int8_t *x;      /**< first byte of the first tap inside the image */
    int8_t *y;
    int32_t y_step;
    int32_t count;
    int32_t group, column;
    taps_t rows, columns; /**< the taps inside the image */
} conv_run_t;

typedef void (*conv_kernel_t)(const conv_job_t *job, const conv_run_t *run, const void *context);

static inline conv_job_t make_conv_job(const espdl_s3_conv2d_params_t *p, int8_t *y, int8_t *scratch)
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
    j.y = y;
    j.scratch = scratch;
    return j;
}

/** One row of one group of outputs, of which `channel` is the first; vectors of 16 where they are partial. */
EE void conv_row(const conv_job_t *j, const int8_t *x, int32_t group, int32_t channel, int32_t row,
                 conv_kernel_t kernel, const void *context)
{
    conv_run_t r;
    int8_t *y = j->y + row * j->columns.windows * j->outputs + channel;
    r.group = group;
    r.rows = taps_inside(&j->rows, row);
    r.y = j->partial ? j->scratch : y;
    r.y_step = j->partial ? 16 : j->outputs;
    const int8_t *from = x + (window_start(&j->rows, row) + r.rows.first * j->rows.dilation) * j->row_bytes;
    for (int32_t column = 0; column < j->columns.windows; column += r.count) {
        const run_t run = next_run(&j->columns, column);
        const int32_t first = window_start(&j->columns, column) + run.taps.first * j->columns.dilation;
        r.column = column;
        r.count = run.count;
        r.columns = run.taps;
        r.x = from + first * j->pixel_bytes;
        kernel(j, &r, context);
        r.y += run.count * r.y_step;
    }
    if (j->partial) {
        const int32_t lanes = j->outputs - channel;
        scatter(j->scratch, y, j->columns.windows, lanes < 16 ? lanes : 16, j->outputs);
    }
}

/** The whole convolution: groups outside, so that the weights of one group stay in the cache. */
EE void conv_run(const conv_job_t *j, const int8_t *x, conv_kernel_t kernel, const void *context)
{
    for (int32_t group = 0; group * 16 < j->outputs; group++) {
        for (int32_t row = 0; row < j->rows.windows; row++) {
            conv_row(j, x, group, group * 16, row, kernel, context);
        }
    }
    clamp_output(&j->finish, j->y, j->rows.windows * j->columns.windows * j->outputs);
}
