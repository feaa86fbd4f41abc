/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "product.h"

void espdl_s3_mul_channels_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start,
                              int8_t *y, int8_t *scratch)
{
    const product_t product = make_product(p, start);
    multiply_channels(&product, multiply_vectors, multiply_values, p, a, b, y, scratch);
}
