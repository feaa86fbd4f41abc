/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/argmin.h"

static int32_t place(const int8_t *x, int32_t length, int32_t inner)
{
    int32_t best = 0;
    int8_t least = x[0];
    for (int32_t i = 1; i < length; i++) {
        x += inner;
        if (*x < least) {
            least = *x;
            best = i;
        }
    }
    return best;
}

void espdl_argmin_s8(const espdl_argmin_params_t *p, const int8_t *x, int64_t *y)
{
    for (int32_t i = 0; i < p->outer; i++, x += (p->length - 1) * p->inner) {
        for (int32_t k = 0; k < p->inner; k++) {
            *y++ = place(x++, p->length, p->inner);
        }
    }
}
