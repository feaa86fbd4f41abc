/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/flip_sign.h"

#include "../../../src/kernels/flip_signs.h"
#include "pie_moves.h"

void espdl_s3_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    const int32_t done = (((uintptr_t)x | (uintptr_t)y) & 15) == 0 ? p->count & ~15 : 0;
    pie_flip_signs(from, to, done / 16);
    espdl_flip_signs(from + done, p->count - done, to + done);
}
