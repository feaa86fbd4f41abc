/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/reduce_max.h"

#include <string.h>

void espdl_reduce_max_s8(const espdl_reduce_max_params_t *p, const int8_t *x, int8_t *y)
{
    for (int32_t i = 0; i < p->outer; i++, y += p->inner) {
        memcpy(y, x, (size_t)p->inner);
        x += p->inner;
        for (int32_t j = 1; j < p->length; j++, x += p->inner) {
            for (int32_t k = 0; k < p->inner; k++) {
                y[k] = x[k] > y[k] ? x[k] : y[k];
            }
        }
    }
}
