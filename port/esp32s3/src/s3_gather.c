/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/moves.h"

#include "pie_lines.h"

void espdl_s3_gather(const espdl_gather_params_t *p, const void *x, const int32_t *row_index,
                     const int32_t *column_index, void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    const int32_t row_bytes = p->input_columns * p->bytes;
    const int32_t unit = unit_of((uintptr_t)x | (uintptr_t)y | (uintptr_t)p->bytes | (uintptr_t)p->output_pitch);
    row_index += p->first_row;
    for (int32_t i = 0; i < p->outer; i++, from += p->input_rows * row_bytes) {
        for (int32_t r = 0; r < p->rows; r++) {
            const int8_t *row = from + (row_index[r] - p->first_input_row) * row_bytes;
            for (int32_t c = 0; c < p->columns; c++, to += p->output_pitch) {
                move_line(row + column_index[c] * p->bytes, to, p->bytes, unit);
            }
        }
    }
}
