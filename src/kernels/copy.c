/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/copy.h"

#include <string.h>

static void copy_line(const espdl_copy_params_t *p, const int8_t *x, int8_t *y)
{
    const size_t bytes = (size_t)p->item_bytes;
    const int32_t step = p->strides[5] * p->item_bytes;
    if (p->strides[5] == 1) {
        memcpy(y, x, bytes * (size_t)p->shape[5]);
        return;
    }
    for (int32_t i = 0; i < p->shape[5]; i++, y += bytes) {
        memcpy(y, x + i * step, bytes);
    }
}

void espdl_copy(const espdl_copy_params_t *p, const void *x, void *y)
{
    const int8_t *from = (const int8_t *)x + p->first * p->item_bytes;
    int8_t *to = y;
    int32_t index[5] = {0};
    int32_t place = 0; /* in items, so that no pointer leaves `x` on the way */
    for (;;) {
        copy_line(p, from + place * p->item_bytes, to);
        to += p->output_pitch;
        int axis = 4;
        while (axis >= 0 && index[axis] == p->shape[axis] - 1) {
            place -= index[axis] * p->strides[axis];
            index[axis] = 0;
            axis--;
        }
        if (axis < 0) {
            return;
        }
        index[axis]++;
        place += p->strides[axis];
    }
}
