/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "convolve_3x8_s8.h"
#include "pack_3_s8.h"

/*
 * `rows` rows of three windows of a plane as espdl_pack_3_s8() lays them down. The first window's begin at `first` and
 * `line` bytes behind each other, and have `count` values; the other windows begin `step` values behind each other.
 */
static uint32_t *pack_rows(const int8_t *first, int32_t step, int32_t count, int32_t rows, int32_t line,
                           uint32_t *packed)
{
    const int32_t two = 2 * step;
    if (count == 3) { /* usual, and so short that the loop below takes longer than what is in it */
        for (; rows > 0; rows--, first += line, packed += 6) {
            espdl_pack_3(first[0], first[step], first[two], packed);
            espdl_pack_3(first[1], first[step + 1], first[two + 1], packed + 2);
            espdl_pack_3(first[2], first[step + 2], first[two + 2], packed + 4);
        }
        return packed;
    }
    for (; rows > 0; rows--, first += line) {
        for (const int8_t *a = first, *end = first + count; a != end; a++, packed += 2) {
            espdl_pack_3(a[0], a[step], a[two], packed);
        }
    }
    return packed;
}

/* `count` values of a plane from `work->column` on, put together where they lie partly outside. */
static const int8_t *clip_row(const espdl_convolve_t *work, const int8_t *plane, int32_t row, int32_t count)
{
    const espdl_conv2d_params_t *p = work->p;
    const int is_row = row >= 0 && row < p->input_height;
    const int8_t *from = plane + row * work->line;
    if (is_row && work->column >= 0 && work->column + count <= p->input_width) {
        return from + work->column;
    }
    int8_t *to = work->gathered;
    for (int32_t i = 0, column = work->column; i < count; i++, column++) {
        to[i] = is_row && column >= 0 && column < p->input_width ? from[column] : work->border[0];
    }
    return to;
}

/* The next three windows of planes, side by side in one row; returns 0 where they are not. */
static int pack_planar_windows(espdl_convolve_t *work)
{
    const espdl_conv2d_params_t *p = work->p;
    const int32_t last = work->column + 2 * p->stride_width, count = 2 * p->stride_width + p->kernel_width;
    const int is_inside = work->pieces == 1 && work->row >= 0 && work->row <= work->last_inside_row &&
                          work->column >= 0 && last <= work->last_inside;
    /* Of what lies partly outside, `gathered` holds three windows. */
    const int can_clip = p->dilation_width == 1 && count <= 3 * p->kernel_width;
    if (last >= work->end_column || !(is_inside || can_clip)) {
        return 0;
    }
    const int8_t *plane = work->x, *const end = plane + work->planes * work->plane;
    uint32_t *packed = work->packed;
    for (; plane != end; plane += work->plane) {
        if (is_inside) {
            const int8_t *first = plane + work->row * work->line + work->column;
            packed = pack_rows(first, p->stride_width, work->run, p->kernel_height, p->dilation_height * work->line,
                               packed);
            continue;
        }
        for (int32_t ky = 0, row = work->row; ky < p->kernel_height; ky++, row += p->dilation_height) {
            const int8_t *first = clip_row(work, plane, row, count);
            packed = pack_rows(first, p->stride_width, work->run, 1, 0, packed);
        }
    }
    espdl_convolve_step(work, last);
    return 1;
}

void espdl_conv2d_planar_3x8_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    espdl_convolve_3x8_s8(p, p->input_channels, 1, pack_planar_windows, x, weights, channels, y, scratch);
}
