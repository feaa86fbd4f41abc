/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "s3_gemm_as_conv2d.h"

void espdl_s3_gemm_narrow_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const espdl_s3_conv2d_params_t conv = gemm_as_conv2d(p);
    espdl_s3_conv2d_narrow_s8(&conv, x, weights, biases, y, scratch);
}
