/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/flip_sign.h"

#include "flip_signs.h"

void espdl_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y)
{
    espdl_flip_signs(x, p->count, y);
}
