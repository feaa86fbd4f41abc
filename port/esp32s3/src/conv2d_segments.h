/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A window as segments, each of which is contiguous in memory: one per kernel row, or with dilation one per tap.
 */
#pragma once

#include "conv2d_job.h"

/** Constants of a kernel that reads segments; weights [group][outer][inner][bytes of a segment][16]. */
typedef struct {
    const int8_t *weights, *biases;
    bool dilated; /**< outer: kernel columns, inner: kernel rows. Else outer: 1, inner: kernel rows with all their columns */
    int32_t kernel_height, kernel_width;
} segment_constants_t;

/** The segments of a window that lie in the image; steps in bytes. */
typedef struct {
    const int8_t *weights, *bias;
    int32_t outer, inner;
    int32_t bytes, last_bytes; /**< of a segment; of the last of the inner ones */
    int32_t x_outer, x_inner, w_outer, w_inner;
} segments_t;

static inline segment_constants_t make_segment_constants(const espdl_s3_conv2d_params_t *p, const int8_t *weights,
                                                         const int8_t *biases)
{
    return (segment_constants_t){weights, biases, p->dilation_width != 1 && p->kernel_width != 1, p->kernel_height,
                                 p->kernel_width};
}

static inline segments_t make_segments(const conv_job_t *j, const conv_run_t *r, const segment_constants_t *c)
{
    const int32_t tap = j->pixel_bytes;
    segments_t s;
    s.weights = c->weights + r->group * c->kernel_height * c->kernel_width * tap * 16;
    s.bias = c->biases + r->group * BIAS_BYTES;
    s.inner = r->columns.count > 0 ? r->rows.count : 0;
    s.x_inner = j->rows.dilation * j->row_bytes;
    if (c->dilated) {
        s.outer = r->columns.count;
        s.bytes = tap;
        s.w_inner = tap * 16;
        s.w_outer = c->kernel_height * s.w_inner;
        s.weights += r->columns.first * s.w_outer + r->rows.first * s.w_inner;
    } else {
        s.outer = 1;
        s.bytes = r->columns.count * tap;
        s.w_inner = c->kernel_width * tap * 16;
        s.w_outer = 0;
        s.weights += r->rows.first * s.w_inner + r->columns.first * tap * 16;
    }
    s.last_bytes = s.bytes;
    s.x_outer = j->columns.dilation * tap;
    return s;
}
