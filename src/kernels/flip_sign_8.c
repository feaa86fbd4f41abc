/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/flip_sign.h"

void espdl_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    for (int32_t i = 0; i < p->count; i++) {
        to[i] = from[i] ^ 0x80u;
    }
}
