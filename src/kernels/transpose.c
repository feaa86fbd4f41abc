/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/transpose.h"

#include <string.h>

/* A strip of items: `to` and `from` are steps in bytes. */
static void copy_strip(const int8_t *x, int32_t from, int8_t *y, int32_t to, int32_t count, int32_t item_bytes)
{
    if (item_bytes == 1) {
        for (int8_t *end = y + count * to; y != end; y += to, x += from) {
            *y = *x;
        }
        return;
    }
    for (; count > 0; count--, y += to, x += from) {
        memcpy(y, x, (size_t)item_bytes);
    }
}

/* The last two axes of the output, in strips along the longer one. */
static void copy_plane(const espdl_transpose_params_t *p, const int8_t *x, int8_t *y)
{
    const int32_t bytes = p->item_bytes;
    const int32_t long_axis = p->shape[4] > p->shape[5] ? 4 : 5, short_axis = 9 - long_axis;
    const int32_t steps[6] = {0, 0, 0, 0, p->shape[5] * bytes, bytes};
    for (int32_t i = 0; i < p->shape[short_axis]; i++) {
        copy_strip(x + i * p->strides[short_axis] * bytes, p->strides[long_axis] * bytes, y + i * steps[short_axis],
                   steps[long_axis], p->shape[long_axis], bytes);
    }
}

void espdl_transpose(const espdl_transpose_params_t *p, const void *x, void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    int32_t index[4] = {0};
    for (;;) {
        copy_plane(p, from, to);
        to += p->shape[4] * p->shape[5] * p->item_bytes;
        int axis = 3;
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
