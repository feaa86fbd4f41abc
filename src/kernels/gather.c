/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gather.h"

#include <string.h>

void espdl_gather(const espdl_gather_params_t *p, const void *x, const int32_t *row_index, const int32_t *column_index,
                  void *y)
{
    const int8_t *from = x;
    int8_t *to = y;
    const size_t bytes = (size_t)p->bytes;
    row_index += p->first_row;
    for (int32_t i = 0; i < p->outer; i++, from += p->input_rows * p->input_columns * p->bytes) {
        for (int32_t r = 0; r < p->rows; r++) {
            const int8_t *row = from + (row_index[r] - p->first_input_row) * p->input_columns * p->bytes;
            for (int32_t c = 0; c < p->columns; c++, to += p->output_pitch) {
                memcpy(to, row + column_index[c] * p->bytes, bytes);
            }
        }
    }
}
