/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_planar.h"

/* For callers whose parameters the compiler does not know. */
extern void espdl_s3_conv2d_planar_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                             const int8_t *biases, int8_t *y, int8_t *scratch);

void espdl_s3_conv2d_planar_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_conv2d_params_t *p, const int8_t *x,
                                       const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch)
{
    for (bands_t b = make_bands(p, x, y, scratch); next_band(&b);) {
        espdl_s3_conv2d_by_rows_s8(rows, &b.part, b.x, weights, biases, b.y, b.scratch);
    }
}
