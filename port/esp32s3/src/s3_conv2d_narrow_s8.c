/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_narrow.h"

/* For callers whose parameters the compiler does not know. */
extern void espdl_s3_conv2d_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                      const int8_t *biases, int8_t *y, int8_t *scratch);

void espdl_s3_conv2d_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_conv2d_params_t *p, const int8_t *x,
                                const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    conv_job_t job;
    espdl_s3_make_conv_job(&job, p, x, biases, y, scratch);
    narrow_t narrow = make_narrow(&job, rows, weights, NULL);
    narrow.rectangle.shift = p->shift;
    ee_vldbc_8_ip(6, &job.finish.low, 0);
    espdl_s3_convolve(&job, espdl_s3_narrow_pixels, &narrow);
}
