/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/quantize.h"

void espdl_dequantize_s8(const espdl_quantize_params_t *p, const int8_t *x, float *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = (float)(x[i] - p->zero_point) * p->scale;
    }
}
