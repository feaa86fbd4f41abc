/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/lookup.h"

#include "look_up.h"

void espdl_lookup_s8(const espdl_lookup_params_t *p, const int8_t *x, const int8_t *table, int8_t *y)
{
    const int is_one_piece = p->input_pitch == p->row && p->output_pitch == p->row;
    const int32_t run = is_one_piece ? p->count : p->row;
    for (int32_t left = p->count; left > 0; left -= run, x += p->input_pitch, y += p->output_pitch) {
        espdl_look_up((const uint8_t *)x, table, y, run, 1);
    }
}
