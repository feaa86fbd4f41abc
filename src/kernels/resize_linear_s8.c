/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/resize_linear.h"

enum { BITS = 11, ONE = 1 << BITS };

void espdl_resize_linear_s8(const espdl_resize_linear_params_t *p, const int8_t *x, const espdl_resize_place_t *rows,
                            const espdl_resize_place_t *columns, int8_t *y)
{
    const int32_t channels = p->channels, line = p->input_width * channels;
    rows += p->first_row;
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        const int8_t *top = x + (rows[oy].low - p->first_input_row) * line;
        const int8_t *bottom = x + (rows[oy].high - p->first_input_row) * line;
        const int32_t down = rows[oy].weight;
        for (int32_t ox = 0; ox < p->output_width; ox++, y += p->output_pitch) {
            const int32_t left = columns[ox].low * channels, right = columns[ox].high * channels;
            const int32_t across = columns[ox].weight;
            for (int32_t c = 0; c < channels; c++) {
                const int32_t above = top[left + c] * (ONE - across) + top[right + c] * across;
                const int32_t below = bottom[left + c] * (ONE - across) + bottom[right + c] * across;
                y[c] = (int8_t)((above * (ONE - down) + below * down + (1 << (2 * BITS - 1))) >> (2 * BITS));
            }
        }
    }
}
