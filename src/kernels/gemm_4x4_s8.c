/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/gemm.h"

#include <string.h>

#include "dot_1x8_s8.h"
#include "dot_4x4_s8.h"
#include "pack_4_s8.h"

/* Up to four rows. One or two are faster one by one. */
static void run_rows(const espdl_gemm_params_t *p, const espdl_dot_t *dot, int32_t count, const int8_t *x,
                     const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y, uint32_t *scratch)
{
    if (count < 3) {
        int8_t *rows = (int8_t *)scratch;
        for (int32_t i = 0; i < count; i++) {
            memcpy(rows + i * p->inputs, x + i * p->input_pitch, (size_t)p->inputs);
        }
        for (int32_t i = 0; i < count; i++) {
            espdl_dot_1x8_s8(dot, rows + i * p->inputs, p->inputs, weights, channels, y + i * p->output_pitch);
        }
        return;
    }
    const int8_t *const rows[4] = {x, x + p->input_pitch, x + 2 * p->input_pitch, x + (count - 1) * p->input_pitch};
    espdl_pack_4_s8(rows, p->inputs, scratch);
    espdl_dot_4x4_s8(dot, scratch, weights, channels, y, count);
}

void espdl_gemm_4x4_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                       const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_dot_t dot = {
        .depth = (p->inputs + 1) & ~1,
        .channels = p->outputs,
        .pitch = p->output_pitch,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    uint32_t *packed = scratch;
    /* An odd number of products gets one more, by a weight of 0. */
    packed[2 * dot.depth - 2] = packed[2 * dot.depth - 1] = 0;
    /* In place, rows that grow must be written from the last to the first, others from the first to the last. */
    const int backwards = p->outputs > p->inputs;
    const int32_t groups = (p->rows + 3) / 4;
    for (int32_t i = 0; i < groups; i++) {
        const int32_t row = 4 * (backwards ? groups - 1 - i : i);
        const int32_t count = p->rows - row < 4 ? p->rows - row : 4;
        run_rows(p, &dot, count, x + row * p->input_pitch, weights, channels, y + row * p->output_pitch, packed);
    }
}
