/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const aligned_t *a = context;
    aligned_pixels(j, r, a, &a->residual);
}

void espdl_s3_conv2d_add_s8(const espdl_s3_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                            const int8_t *weights, const int8_t *biases, int8_t *y)
{
    const sum_t sum = make_sum(&p->add);
    const conv_job_t job = make_conv_job(&p->conv, y, y);
    aligned_t context = {.segments = make_segment_constants(&p->conv, weights, biases), .residual = {.from = residual}};
    load_aligned(&context, &p->conv, &sum);
    conv_run(&job, x, pixels, &context);
    clamp_output(&sum.finish, y, p->conv.output_height * p->conv.output_width * p->conv.output_channels);
}
