/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/quantize_s16.h"

void espdl_dequantize_s16(const espdl_quantize_s16_params_t *p, const int16_t *x, float *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        y[i] = (float)x[i] * p->scale;
    }
}
