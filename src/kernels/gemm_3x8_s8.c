/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include <string.h>

#include "dot_1x8_s8.h"
#include "dot_3x8_s8.h"
#include "pack_3_s8.h"

/* Up to three rows. One is faster alone. */
static void run_rows(const espdl_gemm_params_t *p, const espdl_dot_t *dot, int32_t count, const int8_t *x,
                     const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y, uint32_t *scratch)
{
    if (count == 1) {
        memcpy(scratch, x, (size_t)p->inputs);
        espdl_dot_1x8_s8(dot, (int8_t *)scratch, weights, channels, y);
        return;
    }
    const int8_t *const rows[3] = {x, x + p->input_pitch, x + (count - 1) * p->input_pitch};
    espdl_pack_3_s8(rows, p->inputs, scratch);
    espdl_dot_3x8_s8(dot, scratch, weights, channels, y, count);
}

void espdl_gemm_3x8_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_dot_t dot = {
        .depth = p->inputs,
        .channels = p->outputs,
        .pitch = p->output_pitch,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    /* In place, rows that grow must be written from the last to the first, others from the first to the last. */
    const int backwards = p->outputs > p->inputs;
    const int32_t groups = (p->rows + 2) / 3;
    for (int32_t i = 0; i < groups; i++) {
        const int32_t row = 3 * (backwards ? groups - 1 - i : i);
        const int32_t count = p->rows - row < 3 ? p->rows - row : 3;
        run_rows(p, &dot, count, x + row * p->input_pitch, weights, channels, y + row * p->output_pitch, scratch);
    }
}
