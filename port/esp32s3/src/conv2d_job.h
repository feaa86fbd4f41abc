/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the convolution kernels of both schemes share: the walk over groups of 16 outputs, rows, and columns with equal
 * taps.
 */
#pragma once

#include "espdl/esp32s3/conv2d.h"
#include "finish.h"
#include "pie_rectangle.h"
#include "windows.h"

typedef struct conv_job conv_job_t;

/** A rectangle of outputs that use the same taps, of one group of channels. */
typedef struct {
    const int8_t *x;               /**< first byte of the first tap inside the image */
    const int8_t *bias;
    int8_t *y;
    int32_t y_step, y_pitch;       /**< from output to output, from row to row */
    int32_t columns, rows;         /**< outputs */
    int32_t group;
    taps_t taps_down, taps_across; /**< those inside the image */
} conv_run_t;

typedef void (*conv_kernel_t)(const conv_job_t *job, const conv_run_t *run, void *context);
typedef void (*conv_finish_t)(const conv_job_t *job, int32_t group, int8_t *y, int32_t count);

/** A convolution; strides in bytes. `pixels` neighbours count as one pixel with that many times the channels. */
struct conv_job {
    axis_t rows, columns;
    int32_t row_bytes, pixel_bytes;          /**< of the input */
    int32_t outputs;                         /**< channels of the output */
    int32_t channels;                        /**< of a group: 16, or 1 */
    int32_t y_step, y_pitch;                 /**< from output to output, from row to row */
    const int8_t *x, *biases;
    int8_t *y, *scratch;
    /** Between biases of groups, and of windows with other taps: 0 where there are none. */
    int32_t bias_group, bias_row, bias_column;
    int32_t rows_before, columns_before;     /**< most taps of a window in front of the image, where biases differ */
    const uint8_t *lengths;                  /**< vectors of each part of a group's sums but the last, then 0 */
    int32_t lengths_step;                    /**< to the next group's */
    int32_t entry;                           /**< 0; or between outputs in `scratch`, which wait for finish_row() */
    conv_finish_t finish_row;                /**< `count` outputs of a row from `scratch` to `y` */
    bool row_by_row;                         /**< the kernel takes one row of outputs at a time */
    bool shared;                             /**< some outputs lie over inputs, which windows in front of them need */
    finish_t finish;
};

/** How many windows wait in `scratch`. */
static inline int32_t waiting_windows(const conv_job_t *j)
{
    return j->columns.windows < ESPDL_S3_WAITING_WINDOWS ? j->columns.windows : ESPDL_S3_WAITING_WINDOWS;
}

/** Of the scheme power_of_two. */
void espdl_s3_make_conv_job(conv_job_t *j, const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *biases,
                            int8_t *y, int8_t *scratch);

/** How biases of `bytes` bytes lie: those of a group's windows together. */
static inline void set_biases(conv_job_t *j, const espdl_s3_conv2d_params_t *p, int32_t bytes)
{
    const int32_t across = p->outside_left + p->outside_right, down = p->outside_top + p->outside_bottom;
    j->rows_before = p->outside_top;
    j->columns_before = p->outside_left;
    j->bias_column = across > 0 ? bytes : 0;
    j->bias_row = down > 0 ? (1 + across) * bytes : 0;
    j->bias_group = (1 + down) * (1 + across) * bytes;
}

/**
 * The whole convolution: groups outside, so that the weights of one group stay in the cache. Where `shared`, all groups
 * of ESPDL_S3_SHARED_WINDOWS windows of a row before the next windows; where there is one group, of a whole row. Where
 * outputs wait, at most ESPDL_S3_WAITING_WINDOWS columns before the next. With such parts, the job is the last of them
 * then.
 */
void espdl_s3_convolve(conv_job_t *j, conv_kernel_t kernel, void *context);

/** What a block must know of the outputs; `step` bytes from window to window. */
static inline void set_outputs(pie_rectangle_t *p, const conv_job_t *j, const conv_run_t *r, int32_t step)
{
    p->rows = r->rows;
    p->columns = r->columns;
    p->x_next = j->rows.stride * j->row_bytes - r->columns * step;
    p->y_step = r->y_step;
    p->y_next = r->y_pitch - r->columns * r->y_step;
}
