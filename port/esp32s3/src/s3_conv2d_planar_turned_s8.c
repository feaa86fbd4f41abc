/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_planar.h"

void espdl_s3_conv2d_planar_turned_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                      const int8_t *biases, int8_t *y, int8_t *scratch)
{
    for (bands_t b = make_bands(p, x, y, scratch); next_band(&b);) {
        espdl_s3_conv2d_turned_s8(&b.part, b.x, weights, biases, b.y, b.scratch);
    }
}
