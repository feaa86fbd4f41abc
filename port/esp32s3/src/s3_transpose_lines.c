/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>

#include "planes.h"

static void lines(const espdl_transpose_params_t *p, const int8_t *x, int8_t *y, int8_t *unused)
{
    (void)unused;
    const int32_t line = p->shape[5] * p->item_bytes, step = p->strides[4] * p->item_bytes;
    if (line == 16) {
        pie_gather(x, y, p->shape[4], step);
    } else {
        pie_gather_rows(x, y, line / 16, 16, p->shape[4], step - line, 0);
    }
}

void espdl_s3_transpose_lines(const espdl_transpose_params_t *p, const void *x, void *y)
{
    for_planes(p, x, y, NULL, lines);
}
