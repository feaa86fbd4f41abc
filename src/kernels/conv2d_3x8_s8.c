/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "convolve_3x8_s8.h"
#include "pack_3_s8.h"

/* The next three windows of NHWC, side by side in one row and inside the input; returns 0 where they are not. */
static int pack_inner_windows(espdl_convolve_t *work)
{
    const espdl_conv2d_params_t *p = work->p;
    const int32_t last = work->column + 2 * p->stride_width;
    if (work->row < 0 || work->row > work->last_inside_row || work->column < 0 || last > work->last_inside ||
        last >= work->end_column) {
        return 0;
    }
    const int32_t step = p->stride_width * work->pitch;
    const int32_t piece = work->pieces == 1 ? work->run : p->input_channels;
    const int8_t *first = work->x + work->row * work->line + work->column * work->pitch;
    uint32_t *packed = work->packed;
    for (int32_t ky = 0; ky < p->kernel_height; ky++, first += p->dilation_height * work->line) {
        const int8_t *tap = first;
        for (int32_t i = work->pieces; i > 0; i--, tap += p->dilation_width * work->pitch) {
            const int8_t *const runs[3] = {tap, tap + step, tap + 2 * step};
            packed = espdl_pack_3_s8(runs, piece, packed);
        }
    }
    espdl_convolve_step(work, last);
    return 1;
}

void espdl_conv2d_3x8_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    espdl_convolve_3x8_s8(p, 1, p->input_pitch, pack_inner_windows, x, weights, channels, y, scratch);
}
