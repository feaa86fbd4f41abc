/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Blocks of 16 by 16 bytes. To put the bytes of row i and of row i + 8 in turns into rows 2i and 2i + 1 moves the highest bit of a
 * byte's row to the lowest of its column, and those between by one: four times that, and rows and columns have changed places.
 */
#include "espdl/esp32s3/moves.h"
#include "planes.h"

enum { BLOCK = 256 };

static void blocks(const void *params, const int8_t *x, int8_t *y, int8_t *scratch)
{
    const espdl_transpose_params_t *const p = params;
    const int32_t step = p->strides[5], columns = p->shape[5];
    int8_t *const other = scratch + BLOCK;
    for (int32_t row = 0; row < p->shape[4]; row += 16) {
        for (int32_t column = 0; column < columns; column += 16) {
            pie_take_turns(x + row + column * step, step, scratch, 16);
            pie_take_turns(scratch, 16, other, 16);
            pie_take_turns(other, 16, scratch, 16);
            pie_take_turns(scratch, 16, y + row * columns + column, columns);
        }
    }
}

void espdl_s3_transpose_bytes(const espdl_transpose_params_t *p, const void *x, void *y, int8_t *scratch)
{
    for_planes(p->shape, p->strides, 1, p->shape[4] * p->shape[5], p, x, y, scratch, blocks);
}
