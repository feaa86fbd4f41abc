/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/moves.h"

#include "planes.h"

void espdl_s3_transpose_lines(const espdl_transpose_params_t *p, const void *x, void *y)
{
    const int32_t line = p->shape[5] * p->item_bytes;
    for_lines(p->shape, p->strides, p->item_bytes, line, x, y);
}
