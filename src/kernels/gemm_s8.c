/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include "requantize_inline.h"

void espdl_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                   const espdl_channel_t *channels, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++, x += p->input_pitch, y += p->output_pitch) {
        const int8_t *w = weights;
        for (int32_t n = 0; n < p->outputs; n++, w += p->inputs) {
            int32_t acc = channels[n].bias;
            for (int32_t k = 0; k < p->inputs; k++) {
                acc += (x[k] - p->input_zero_point) * w[k];
            }
            int32_t scaled = espdl_requantize(acc, channels[n].multiplier, channels[n].shift, p->rounding);
            y[n] = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
        }
    }
}
