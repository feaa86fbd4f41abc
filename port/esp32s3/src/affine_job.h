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

/** What both schemes say of a convolution. */
static inline espdl_s3_conv2d_params_t shape_of(const espdl_s3_affine_conv2d_params_t *p)
{
    return (espdl_s3_conv2d_params_t){
        .input_height = p->input_height,
        .input_width = p->input_width,
        .input_channels = p->input_channels,
        .output_height = p->output_height,
        .output_width = p->output_width,
        .output_channels = p->output_channels,
        .kernel_height = p->kernel_height,
        .kernel_width = p->kernel_width,
        .stride_height = p->stride_height,
        .stride_width = p->stride_width,
        .dilation_height = p->dilation_height,
        .dilation_width = p->dilation_width,
        .pad_top = p->pad_top,
        .pad_left = p->pad_left,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .pixels = p->pixels,
        .outside_top = p->outside_top,
        .outside_bottom = p->outside_bottom,
        .outside_left = p->outside_left,
        .outside_right = p->outside_right,
        .band = p->band,
        .input_pitch = p->input_pitch,
    };
}

void espdl_s3_make_affine_job(affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                              const int8_t *biases, const int8_t *numbers, int8_t *y, int8_t *scratch);

/** For sums that are listed as segments. */
void espdl_s3_make_segmented_sums(segmented_t *c, const affine_job_t *a, const espdl_s3_affine_conv2d_params_t *p,
                                  const int8_t *weights);

/** `count` outputs of one group from the sums in the job's scratch, `y_step` apart. */
void espdl_s3_affine_outputs(const affine_job_t *a, int32_t group, int8_t *y, int32_t count, int32_t y_step);
