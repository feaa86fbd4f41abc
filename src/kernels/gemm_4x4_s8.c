/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include "dot_4x4_s8.h"
#include "pack_4_s8.h"

void espdl_gemm_4x4_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_dot_t dot = {
        .depth = (p->inputs + 1) & ~1,
        .channels = p->outputs,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    uint32_t *packed = scratch;
    packed[2 * dot.depth - 2] = packed[2 * dot.depth - 1] = 0;
    /* In place, rows that grow must be written from the last to the first, others from the first to the last. */
    const int backwards = p->outputs > p->inputs;
    const int32_t groups = (p->rows + 3) / 4;
    for (int32_t i = 0; i < groups; i++) {
        const int32_t row = 4 * (backwards ? groups - 1 - i : i);
        const int32_t last = p->rows - 1 - row;
        const int8_t *rows[4];
        for (int32_t j = 0; j < 4; j++) {
            rows[j] = x + (row + (j < last ? j : last)) * p->inputs;
        }
        espdl_pack_4_s8(rows, p->inputs, packed);
        espdl_dot_4x4_s8(&dot, packed, weights, channels, y + row * p->outputs, last < 3 ? last + 1 : 4);
    }
}
