/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/moves.h"

#include "planes.h"

void espdl_s3_copy(const espdl_copy_params_t *p, const void *x, void *y)
{
    const int8_t *const first = (const int8_t *)x + p->first * p->item_bytes;
    for_lines(p->shape, p->strides, p->item_bytes, p->output_pitch, first, y);
}
