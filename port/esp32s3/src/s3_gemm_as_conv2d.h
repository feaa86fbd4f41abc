/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/esp32s3/conv2d.h"
#include "espdl/esp32s3/gemm.h"

/** The matrix product as a 1 x 1 convolution over a row of pixels. */
static inline espdl_s3_conv2d_params_t gemm_as_conv2d(const espdl_s3_gemm_params_t *p)
{
    return (espdl_s3_conv2d_params_t){
        .input_height = 1,
        .input_width = p->rows,
        .input_channels = p->inputs,
        .output_height = 1,
        .output_width = p->rows,
        .output_channels = p->outputs,
        .kernel_height = 1,
        .kernel_width = 1,
        .stride_height = 1,
        .stride_width = 1,
        .dilation_height = 1,
        .dilation_width = 1,
        .groups = 1,
        .input_zero_point = p->input_zero_point,
        .output_zero_point = p->output_zero_point,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .rounding = p->rounding,
        .shift = p->shift,
        .pixels = 1,
        .parts = p->parts,
    };
}
