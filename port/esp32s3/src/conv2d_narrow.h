/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions whose kernel rows have at most 16 bytes.
 */
#pragma once

#include "conv2d_job.h"

/** Weights [group][kernel row][lanes][16]; lanes: the bytes of a kernel row, made even by weights of zero. */
typedef struct {
    pie_rectangle_t rectangle;
    espdl_s3_narrow_rows_t *rows;
    const int8_t *weights;
    const int8_t *other;                 /**< NULL or PIE_SUMS */
    int32_t lanes, kernel_height, bytes; /**< `bytes`: of a kernel row */
} narrow_t;

static inline narrow_t make_narrow(const conv_job_t *j, espdl_s3_narrow_rows_t *rows, const int8_t *weights,
                                   const int8_t *other)
{
    const int32_t bytes = j->columns.taps * j->pixel_bytes;
    return (narrow_t){.rows = rows, .weights = weights, .other = other, .lanes = (bytes + 1) & ~1,
                      .kernel_height = j->rows.taps, .bytes = bytes};
}

/** Outputs or sums. */
void espdl_s3_narrow_pixels(const conv_job_t *j, const conv_run_t *r, void *narrow);
