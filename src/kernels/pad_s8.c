/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/pad.h"

#include <string.h>

/* Where index `i` of axis `axis` lies in the input, or -1 for the border. */
static int32_t source(const espdl_pad_params_t *p, int axis, int32_t i)
{
    const int32_t place = i - p->before[axis];
    return place >= 0 && place < p->input_shape[axis] ? place : -1;
}

void espdl_pad_s8(const espdl_pad_params_t *p, const int8_t *x, int8_t *y)
{
    const int32_t *in = p->input_shape, *out = p->output_shape;
    const int32_t border = p->before[3] < out[3] ? p->before[3] : out[3];
    const size_t before = (size_t)border, line = (size_t)in[3], after = (size_t)(out[3] - border - in[3]);
    for (int32_t i = 0; i < out[0]; i++) {
        for (int32_t j = 0; j < out[1]; j++) {
            for (int32_t k = 0; k < out[2]; k++, y += out[3]) {
                const int32_t a = source(p, 0, i), b = source(p, 1, j), c = source(p, 2, k);
                if (a < 0 || b < 0 || c < 0) {
                    memset(y, p->value, (size_t)out[3]);
                    continue;
                }
                memset(y, p->value, before);
                memmove(y + before, x + ((a * in[1] + b) * in[2] + c) * in[3], line);
                memset(y + before + line, p->value, after);
            }
        }
    }
}
