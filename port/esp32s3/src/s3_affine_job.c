/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_job.h"

void espdl_s3_affine_outputs(const affine_job_t *a, int32_t group, int8_t *y, int32_t count, int32_t y_step)
{
    const conv_job_t *const j = &a->job;
    const int32_t lanes = j->outputs - group * 16;
    const bool whole = j->outputs % 16 == 0;
    const sums_t s = {j->scratch, a->asides, whole ? y : j->scratch, whole ? y_step : 16, count};
    espdl_s3_requantise(&a->scales, &s, a->numbers + group * SCALE_BYTES(&a->scales));
    if (!whole) {
        scatter(j->scratch, y, count, lanes < 16 ? lanes : 16, y_step);
    }
}

static void finish_row(const conv_job_t *j, int32_t group, int8_t *y, int32_t count)
{
    espdl_s3_affine_outputs((const affine_job_t *)j, group, y, count, j->y_step);
}

void espdl_s3_make_affine_job(affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                              const int8_t *biases, const int8_t *numbers, int8_t *y, int8_t *scratch)
{
    conv_job_t *const j = &a->job;
    const espdl_s3_conv2d_params_t shape = shape_of(p);
    espdl_s3_make_conv_job(j, &shape, x, biases, y, scratch);
    j->lengths = (const uint8_t *)biases + (j->outputs + 15) / 16 * j->bias_group;
    j->lengths_step = ESPDL_S3_MOST_AFFINE_PARTS;
    j->finish_row = finish_row;
    j->finish.clamps = p->activation_min != INT8_MIN || p->activation_max != INT8_MAX;
    a->asides = p->parts - 1;
    espdl_s3_make_scales(&a->scales, &p->scale);
    a->numbers = numbers;
    j->entry = SUM_BYTES + 16 * a->asides;
}

void espdl_s3_make_segmented_sums(segmented_t *c, const affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p,
                                  const int8_t *weights)
{
    set_kernel(c, &a->job, weights, p->kernel_height, p->kernel_width);
    c->rectangle.bits = a->scales.bits;
    c->mask = a->scales.masks;
    c->mask_tail = a->scales.masks + 16;
    c->most_asides = a->asides;
    c->other = PIE_SUMS;
    c->list = (pie_segment_t *)(void *)(a->job.scratch + waiting_windows(&a->job) * a->job.entry);
}
