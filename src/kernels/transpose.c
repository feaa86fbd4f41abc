/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/transpose.h"

#include <string.h>

/* Copies the last axis of the output. */
static int8_t *copy_line(const espdl_transpose_params_t *p, const int8_t *x, int8_t *y)
{
    const size_t bytes = (size_t)p->item_bytes;
    const int32_t count = p->shape[5];
    const int32_t step = p->strides[5] * p->item_bytes;
    if (step == p->item_bytes) {
        memcpy(y, x, bytes * (size_t)count);
        return y + bytes * (size_t)count;
    }
    if (bytes == 1) {
        for (int32_t i = 0; i < count; i++) {
            *y++ = x[i * step];
        }
        return y;
    }
    for (int32_t i = 0; i < count; i++, y += bytes) {
        memcpy(y, x + i * step, bytes);
    }
    return y;
}

void espdl_transpose(const espdl_transpose_params_t *p, const void *x, void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    int32_t index[5] = {0};
    for (;;) {
        to = copy_line(p, from, to);
        int axis = 4;
        while (axis >= 0 && index[axis] == p->shape[axis] - 1) {
            from -= index[axis] * p->strides[axis] * p->item_bytes;
            index[axis] = 0;
            axis--;
        }
        if (axis < 0) {
            return;
        }
        index[axis]++;
        from += p->strides[axis] * p->item_bytes;
    }
}
