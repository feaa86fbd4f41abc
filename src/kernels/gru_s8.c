/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "gru_from_s8.h"

void espdl_gru_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights, const espdl_gate_t *gates,
                  const int16_t *table, int8_t *y, void *scratch)
{
    memset(scratch, 0, (size_t)p->hidden * 4);
    espdl_gru_from_s8(p, x, weights, gates, table, y, scratch);
}
