/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/pad.h"

#include <stdbool.h>

#include "pie_moves.h"

static bool is_inside(const espdl_pad_params_t *p, int axis, int32_t i)
{
    return i >= p->before[axis] && i < p->before[axis] + p->input_shape[axis];
}

/* The lines of the input lie one behind the other: `x` moves on with every line that is no border. */
void espdl_s3_pad_s8(const espdl_pad_params_t *p, const int8_t *x, int8_t *y)
{
    const int32_t *out = p->output_shape;
    const int32_t before = p->before[3] < out[3] ? p->before[3] : out[3];
    const int32_t line = p->input_shape[3], after = out[3] - before - line;
    const int8_t value = (int8_t)p->value;
    ee_vldbc_8_ip(1, &value, 0);
    for (int32_t i = 0; i < out[0]; i++) {
        for (int32_t j = 0; j < out[1]; j++) {
            const bool inside = is_inside(p, 0, i) && is_inside(p, 1, j);
            for (int32_t k = 0; k < out[2]; k++, y += out[3]) {
                if (!inside || !is_inside(p, 2, k)) {
                    pie_fill(y, out[3] / 16);
                    continue;
                }
                pie_fill(y, before / 16);
                pie_gather(x, y + before, line / 16, 16);
                pie_fill(y + before + line, after / 16);
                x += line;
            }
        }
    }
}
