/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include "dot_1x8_inline.h"

void espdl_gemm_1x8_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y)
{
    const espdl_dot_t dot = {
        .depth = p->inputs,
        .channels = p->outputs,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    for (int32_t row = 0; row < p->rows; row++, x += p->input_pitch, y += p->output_pitch) {
        espdl_dot_1x8(&dot, x, weights, channels, y, 16);
    }
}
