/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_job.h"

void espdl_s3_conv2d_aligned_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                       const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    affine_job_t a;
    segmented_t segmented;
    espdl_s3_make_affine_job(&a, p, x, biases, scales, y, scratch);
    espdl_s3_make_segmented_sums(&segmented, &a, p, weights);
    espdl_s3_convolve(&a.job, espdl_s3_aligned_pixels, &segmented);
}
