/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/conv_transpose2d.h"

#include "transposed.h"

void espdl_s3_conv_transpose2d_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y, int8_t *scratch)
{
    conv_transpose(p, x, weights, biases, y, scratch, espdl_s3_aligned_pixels);
}
