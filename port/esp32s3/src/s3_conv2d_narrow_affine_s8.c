/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_job.h"
#include "conv2d_narrow.h"

/* For callers whose parameters the compiler does not know. */
extern void espdl_s3_conv2d_narrow_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                             const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                             int8_t *y, int8_t *scratch);

void espdl_s3_conv2d_by_rows_affine_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_affine_conv2d_params_t *p,
                                       const int8_t *x, const int8_t *weights, const int8_t *biases,
                                       const int8_t *scales, int8_t *y, int8_t *scratch)
{
    affine_job_t a;
    espdl_s3_make_affine_job(&a, p, x, biases, scales, y, scratch);
    narrow_t narrow = make_narrow(&a.job, rows, weights, PIE_SUMS);
    espdl_s3_convolve(&a.job, espdl_s3_narrow_pixels, &narrow);
}
