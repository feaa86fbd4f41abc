/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/lookup.h"

/* Loads before they are used, where a load takes a cycle more; `x` may be `y`. */
static void look_up(const uint8_t *x, const int8_t *table, int8_t *y, int32_t count)
{
    for (; count >= 4; count -= 4, x += 4, y += 4) {
        const uint8_t a = x[0], b = x[1], c = x[2], d = x[3];
        const int8_t at_a = table[a], at_b = table[b], at_c = table[c], at_d = table[d];
        y[0] = at_a;
        y[1] = at_b;
        y[2] = at_c;
        y[3] = at_d;
    }
    for (; count > 0; count--) {
        *y++ = table[*x++];
    }
}

void espdl_lookup_s8(const espdl_lookup_params_t *p, const int8_t *x, const int8_t *table, int8_t *y)
{
    const int is_one_piece = p->input_pitch == p->row && p->output_pitch == p->row;
    const int32_t run = is_one_piece ? p->count : p->row;
    for (int32_t left = p->count; left > 0; left -= run, x += p->input_pitch, y += p->output_pitch) {
        look_up((const uint8_t *)x, table, y, run);
    }
}
