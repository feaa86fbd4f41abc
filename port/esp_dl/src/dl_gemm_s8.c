/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp_dl/gemm.h"

static espdl_conv2d_params_t as_conv2d(const espdl_gemm_params_t *p)
{
    const espdl_conv2d_params_t conv = {
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
    };
    return conv;
}

void espdl_dl_gemm_s8_prepare(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                              const int8_t *shifts, int8_t *y, void *state)
{
    const espdl_conv2d_params_t conv = as_conv2d(p);
    espdl_dl_conv2d_s8_prepare(&conv, x, filter, bias, shifts, y, state);
}

void espdl_dl_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                      const int8_t *shifts, int8_t *y, void *state)
{
    const espdl_conv2d_params_t conv = as_conv2d(p);
    espdl_dl_conv2d_s8(&conv, x, filter, bias, shifts, y, state);
}
