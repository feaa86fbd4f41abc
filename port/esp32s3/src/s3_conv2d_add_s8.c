/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_aligned.h"

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    aligned_pixels(j, r, context);
}

void espdl_s3_conv2d_add_s8(const espdl_s3_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                            const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const sum_t sum = make_sum(&p->add);
    const conv_job_t job = make_conv_job(&p->conv, x, y, scratch);
    pie_rectangle_t rectangle;
    aligned_t context = {.segments = make_segment_constants(&p->conv, weights, biases), .other = residual};
    load_aligned(&context, &rectangle, &p->conv, &sum);
    conv_run(&job, pixels, &context);
    clamp_output(&sum.finish, y, p->conv.output_height * p->conv.output_width * p->conv.output_channels);
}
