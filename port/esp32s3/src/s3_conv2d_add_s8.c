/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"

void espdl_s3_conv2d_add_s8(const espdl_s3_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                            const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const sum_t sum = make_sum(&p->add);
    conv_job_t job;
    segmented_t segmented;
    espdl_s3_make_conv_job(&job, &p->conv, x, biases, y, scratch);
    job.shared = false;
    job.finish = sum.finish;
    espdl_s3_make_segmented(&segmented, &job, &p->conv, weights, &sum, residual);
    espdl_s3_convolve(&job, espdl_s3_aligned_pixels, &segmented);
}
