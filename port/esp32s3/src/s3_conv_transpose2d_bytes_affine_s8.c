/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "transposed.h"

void espdl_s3_conv_transpose2d_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                               const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                               int8_t *y, int8_t *scratch)
{
    conv_transpose_affine(p, x, weights, biases, scales, y, scratch, espdl_s3_bytes_pixels);
}
