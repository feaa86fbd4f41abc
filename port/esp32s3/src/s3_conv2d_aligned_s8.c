/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    aligned_pixels(j, r, context);
}

void espdl_s3_conv2d_aligned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const conv_job_t job = make_conv_job(p, x, y, scratch);
    pie_rectangle_t rectangle;
    aligned_t context = {.segments = make_segment_constants(p, weights, biases)};
    load_aligned(&context, &rectangle, p, NULL);
    conv_run(&job, pixels, &context);
}
