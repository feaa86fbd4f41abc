/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions of scheme affine: kernels leave rows of sums (PIE_SUMS), which then are requantised.
 *
 * The input's zero point is in the biases. Taps outside the image are left out, so that pixels with such taps have
 * biases of their own.
 */
#pragma once

#include "conv2d_segments.h"
#include "requantise.h"

typedef struct {
    conv_job_t job; /**< the first, of which espdl_s3_convolve() knows */
    scales_t scales;
    const int8_t *numbers;
    int32_t asides; /**< vectors in front of the sums of 16 channels */
} affine_job_t;

void espdl_s3_make_affine_job(affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                              const int8_t *biases, const int8_t *numbers, int8_t *y, int8_t *scratch);

/** For sums that are listed as segments. */
void espdl_s3_make_segmented_sums(segmented_t *c, const affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p,
                                  const int8_t *weights);

/** `count` outputs of one group from the sums in the job's scratch, `y_step` apart. */
void espdl_s3_affine_outputs(const affine_job_t *a, int32_t group, int8_t *y, int32_t count, int32_t y_step);
