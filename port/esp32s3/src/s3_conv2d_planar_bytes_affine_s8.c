/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_planar_affine.h"

void espdl_s3_conv2d_planar_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                            const int8_t *weights, const int8_t *biases, const int8_t *scales,
                                            int8_t *y, int8_t *scratch)
{
    const espdl_s3_conv2d_params_t shape = shape_of(p);
    espdl_s3_affine_conv2d_params_t part = *p;
    for (bands_t b = make_bands(&shape, x, y, scratch); next_band(&b);) {
        set_band(&part, &b);
        espdl_s3_conv2d_bytes_affine_s8(&part, b.x, weights, biases, scales, b.y, b.scratch);
    }
}
