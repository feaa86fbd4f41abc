/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gather_elements.h"

#include <string.h>

void espdl_gather_elements(const espdl_gather_elements_params_t *p, const void *x, const int32_t *begins, void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    const size_t bytes = (size_t)p->bytes;
    for (int32_t i = 0; i < p->count; i++, to += p->bytes) {
        memcpy(to, from + begins[i], bytes);
    }
}
