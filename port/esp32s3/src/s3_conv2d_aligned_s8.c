/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"

void espdl_s3_conv2d_aligned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const int8_t *biases, int8_t *y, int8_t *scratch)
{
    conv_job_t job;
    segmented_t segmented;
    espdl_s3_make_conv_job(&job, p, x, biases, y, scratch);
    espdl_s3_make_segmented(&segmented, &job, p, weights, NULL, NULL);
    espdl_s3_convolve(&job, espdl_s3_aligned_pixels, &segmented);
}
