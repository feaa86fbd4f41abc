/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rnn.h"

void espdl_rnn_s8(const espdl_rnn_params_t *p, const int8_t *x, const int8_t *h, const int8_t *weights,
                  const espdl_gate_t *gates, const int16_t *table, const int32_t *initial, int8_t *y, void *scratch)
{
    const espdl_rnn_parts_t parts = {weights, gates, table};
    espdl_rnn(p, x, h, &parts, initial, y, scratch, false);
}
