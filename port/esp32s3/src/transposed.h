/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Transposed convolutions as convolutions without strides: outputs whose distance is a multiple of the strides are
 * those of one, with some of the taps in reverse order.
 */
#pragma once

#include "affine_job.h"
#include "conv2d_segments.h"

/**
 * For each remainder of a tap's place by the strides, one convolution writes every stride-th row and column. Weights,
 * biases and lengths of parts lie one behind the other for these.
 *
 * @param job            of all outputs, whose axes are `rows` and `columns`; changed
 * @param segmented      its weights are set for each; changed
 */
void espdl_s3_convolve_transposed(conv_job_t *job, segmented_t *segmented, axis_t rows, axis_t columns,
                                  const int8_t *weights, conv_kernel_t kernel);

/* The axis of a transposed convolution as it needs room in `scratch`: the most windows of any of them. */
static inline axis_t with_most_windows(axis_t axis)
{
    axis.windows = (axis.windows + axis.stride - 1) / axis.stride;
    return axis;
}

static inline void conv_transpose(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y, int8_t *scratch, conv_kernel_t kernel)
{
    conv_job_t job;
    segmented_t segmented;
    espdl_s3_make_conv_job(&job, p, x, biases, y, scratch);
    const axis_t columns = job.columns;
    job.columns = with_most_windows(columns);
    espdl_s3_make_segmented(&segmented, &job, p, weights, NULL, NULL);
    espdl_s3_convolve_transposed(&job, &segmented, job.rows, columns, weights, kernel);
}

static inline void conv_transpose_affine(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                         const int8_t *weights, const int8_t *biases, const int8_t *scales, int8_t *y,
                                         int8_t *scratch, conv_kernel_t kernel)
{
    affine_job_t a;
    segmented_t segmented;
    espdl_s3_make_affine_job(&a, p, x, biases, scales, y, scratch);
    const axis_t columns = a.job.columns;
    /* Behind the biases of all of them. */
    a.job.lengths += (p->stride_height * p->stride_width - 1) * (a.job.lengths - (const uint8_t *)biases);
    a.job.columns = with_most_windows(columns);
    espdl_s3_make_segmented_sums(&segmented, &a, p, weights);
    espdl_s3_convolve_transposed(&a.job, &segmented, a.job.rows, columns, weights, kernel);
}
