/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "convolve_3x8_s8.h"

#include <string.h>

#include "dot_1x8_s8.h"
#include "dot_3x8_s8.h"
#include "pack_3_s8.h"

typedef struct {
    int32_t row, column;      /* of the next row's first tap */
    int32_t offset;           /* of that tap from `x`, in bytes */
    int32_t is_inside;        /* its columns */
} window_t;

static void take_window(espdl_convolve_t *work, window_t *window)
{
    window->row = work->row;
    window->column = work->column;
    window->offset = work->row * work->line + work->column * work->pitch;
    window->is_inside = work->pieces == 1 && work->column >= 0 && work->column <= work->last_inside;
    espdl_convolve_step(work, work->column);
}

static const int8_t *gather(const espdl_convolve_t *work, const window_t *window, int8_t *to)
{
    const espdl_conv2d_params_t *p = work->p;
    const int8_t *from = work->x + window->offset;
    int32_t column = window->column;
    if (work->pieces == 1 && work->run < 16) { /* calls for each pixel take longer than the few bytes */
        const int32_t before = column < 0 ? -column : 0, behind = p->input_width - column;
        const int32_t begin = before * work->channels, end = behind * work->channels;
        int32_t i = 0;
        for (; i < begin && i < work->run; i++) {
            to[i] = work->border[0];
        }
        for (; i < end && i < work->run; i++) {
            to[i] = from[i];
        }
        for (; i < work->run; i++) {
            to[i] = work->border[0];
        }
        return to;
    }
    for (int32_t kx = 0; kx < p->kernel_width; kx++, column += p->dilation_width) {
        const int inside = column >= 0 && column < p->input_width;
        memcpy(to + kx * work->channels, inside ? from : work->border, (size_t)work->channels);
        from += p->dilation_width * work->pitch;
    }
    return to;
}

/* The next row of a window as a run of memory; `to` is where it may be put together. */
static inline const int8_t *take_run(const espdl_convolve_t *work, window_t *window, int8_t *to)
{
    const espdl_conv2d_params_t *p = work->p;
    const int8_t *run = work->border;
    if (window->row >= 0 && window->row < p->input_height) {
        run = window->is_inside ? work->x + window->offset : gather(work, window, to);
    }
    window->row += p->dilation_height;
    window->offset += p->dilation_height * work->line;
    return run;
}

/* From behind the last row of a window to its first row in the next plane. */
static inline void next_plane(const espdl_convolve_t *work, window_t *window)
{
    const int32_t rows = work->p->kernel_height * work->p->dilation_height;
    window->row -= rows;
    window->offset += work->plane - rows * work->line;
}

static void pack_windows(espdl_convolve_t *work, int32_t count)
{
    window_t windows[3];
    for (int32_t i = 0; i < 3; i++) {
        if (i < count) {
            take_window(work, &windows[i]);
        } else {
            windows[i] = windows[i - 1];
        }
    }
    uint32_t *packed = work->packed;
    for (int32_t plane = 1;; plane++) {
        for (int32_t ky = 0; ky < work->p->kernel_height; ky++) {
            const int8_t *runs[3];
            int8_t *to = work->gathered;
            for (int32_t i = 0; i < 3; i++, to += work->run) {
                runs[i] = take_run(work, &windows[i], to);
            }
            packed = espdl_pack_3_s8(runs, work->run, packed);
        }
        if (plane == work->planes) {
            return;
        }
        for (int32_t i = 0; i < 3; i++) {
            next_plane(work, &windows[i]);
        }
    }
}

static const int8_t *copy_window(espdl_convolve_t *work)
{
    window_t window;
    take_window(work, &window);
    int8_t *to = (int8_t *)work->packed;
    for (int32_t plane = 0; plane < work->planes; plane++) {
        for (int32_t ky = 0; ky < work->p->kernel_height; ky++, to += work->run) {
            memcpy(to, take_run(work, &window, work->gathered), (size_t)work->run);
        }
        next_plane(work, &window);
    }
    return (int8_t *)work->packed;
}

void espdl_convolve_3x8_s8(const espdl_conv2d_params_t *p, int32_t planes, int32_t pitch, espdl_pack_windows_t pack,
                           const int8_t *x, const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                           void *scratch)
{
    const int32_t plane_channels = p->input_channels / planes;
    const int32_t run = p->kernel_width * plane_channels, line = p->input_width * pitch;
    const int32_t products = planes * p->kernel_height * run;
    const espdl_dot_t dot = {
        .depth = products,
        .channels = p->output_channels,
        .pitch = p->output_pitch,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    int8_t *border = (int8_t *)scratch + 8 * dot.depth;
    espdl_convolve_t work = {
        .p = p,
        .x = x,
        .planes = planes,
        .channels = plane_channels,
        .pitch = pitch,
        .line = line,
        .plane = p->input_pitch, /* not read where there is one */
        .run = run,
        .pieces = p->dilation_width == 1 && pitch == plane_channels ? 1 : p->kernel_width,
        .last_inside = p->input_width - 1 - (p->kernel_width - 1) * p->dilation_width,
        .last_inside_row = p->input_height - 1 - (p->kernel_height - 1) * p->dilation_height,
        .end_column = p->output_width * p->stride_width - p->pad_left,
        .packed = scratch,
        .border = border,
        .gathered = border + run,
        .row = -p->pad_top,
        .column = -p->pad_left,
    };
    memset(border, p->input_zero_point, (size_t)run);
    int32_t left = p->output_height * p->output_width;
    for (; left > 1; left -= 3, y += 3 * p->output_pitch) {
        if (!pack(&work)) {
            pack_windows(&work, left);
        }
        espdl_dot_3x8_s8(&dot, scratch, weights, channels, y, left < 3 ? left : 3);
    }
    /* One is faster alone. */
    if (left == 1) {
        espdl_dot_1x8_s8(&dot, copy_window(&work), weights, channels, y);
    }
}
