/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_product.h"

void espdl_s3_mul_channels_affine_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b,
                                     const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const affine_product_t product = make_affine_product(p, scales);
    multiply_channels(&product, multiply_affine_vectors, multiply_affine_values, p, a, b, y, scratch);
}
