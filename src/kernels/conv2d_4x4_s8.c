/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/conv2d.h"

#include <string.h>

#include "dot_1x8_s8.h"
#include "dot_4x4_s8.h"
#include "pack_4_s8.h"

/* A convolution at work: its input, its scratch, and the window that comes next. */
typedef struct {
    const espdl_conv2d_params_t *p;
    const int8_t *x;
    int32_t run;              /* bytes of one row of a window */
    int32_t last_inside;      /* the last column at which such a row is a run of memory inside the input; or -1 */
    int32_t last_inside_row;  /* the last row of windows inside the input */
    int32_t end_column;       /* behind the last window of a row */
    uint32_t *packed;         /* four windows as espdl_dot_4x4_s8() reads them, or one as espdl_dot_1x8_s8() does */
    int8_t *border;           /* a row of a window that lies outside the input */
    int8_t *gathered;         /* rows of four windows that lie partly outside, or whose taps are no neighbours */
    int32_t row, column;      /* of the next window's first tap; negative in the border */
} work_t;

typedef struct {
    int32_t row, column;      /* of the next row's first tap */
    int32_t offset;           /* of that tap from `x`, in bytes */
    int32_t is_inside;        /* its columns */
} window_t;

static void step_window(work_t *work)
{
    work->column += work->p->stride_width;
    if (work->column == work->end_column) {
        work->column = -work->p->pad_left;
        work->row += work->p->stride_height;
    }
}

static void take_window(work_t *work, window_t *window)
{
    const espdl_conv2d_params_t *p = work->p;
    window->row = work->row;
    window->column = work->column;
    window->offset = (work->row * p->input_width + work->column) * p->input_channels;
    window->is_inside = work->column >= 0 && work->column <= work->last_inside;
    step_window(work);
}

static const int8_t *gather(const work_t *work, const window_t *window, int8_t *to)
{
    const espdl_conv2d_params_t *p = work->p;
    const int8_t *from = work->x + window->offset;
    int32_t column = window->column;
    for (int32_t kx = 0; kx < p->kernel_width; kx++, column += p->dilation_width) {
        const int inside = column >= 0 && column < p->input_width;
        memcpy(to + kx * p->input_channels, inside ? from : work->border, (size_t)p->input_channels);
        from += p->dilation_width * p->input_channels;
    }
    return to;
}

/* The next row of a window as a run of memory; `to` is where it may be put together. */
static inline const int8_t *take_run(const work_t *work, window_t *window, int8_t *to)
{
    const espdl_conv2d_params_t *p = work->p;
    const int8_t *run = work->border;
    if (window->row >= 0 && window->row < p->input_height) {
        run = window->is_inside ? work->x + window->offset : gather(work, window, to);
    }
    window->row += p->dilation_height;
    window->offset += p->dilation_height * p->input_width * p->input_channels;
    return run;
}

/* The next four windows, side by side in one row and inside the input; returns 0 where they are not. */
static int pack_inner_windows(work_t *work)
{
    const espdl_conv2d_params_t *p = work->p;
    const int32_t last = work->column + 3 * p->stride_width;
    if (work->row < 0 || work->row > work->last_inside_row || work->column < 0 || last > work->last_inside ||
        last >= work->end_column) {
        return 0;
    }
    const int32_t step = p->stride_width * p->input_channels, line = p->input_width * p->input_channels;
    const int8_t *first = work->x + work->row * line + work->column * p->input_channels;
    uint32_t *packed = work->packed;
    for (int32_t ky = 0; ky < p->kernel_height; ky++, first += p->dilation_height * line) {
        const int8_t *const runs[4] = {first, first + step, first + 2 * step, first + 3 * step};
        packed = espdl_pack_4_s8(runs, work->run, packed);
    }
    work->column = last;
    step_window(work);
    return 1;
}

static void pack_windows(work_t *work, int32_t count)
{
    window_t windows[4];
    for (int32_t i = 0; i < 4; i++) {
        if (i < count) {
            take_window(work, &windows[i]);
        } else {
            windows[i] = windows[i - 1];
        }
    }
    uint32_t *packed = work->packed;
    for (int32_t ky = 0; ky < work->p->kernel_height; ky++) {
        const int8_t *runs[4];
        int8_t *to = work->gathered;
        for (int32_t i = 0; i < 4; i++, to += work->run) {
            runs[i] = take_run(work, &windows[i], to);
        }
        packed = espdl_pack_4_s8(runs, work->run, packed);
    }
}

static const int8_t *copy_window(work_t *work)
{
    window_t window;
    take_window(work, &window);
    int8_t *to = (int8_t *)work->packed;
    for (int32_t ky = 0; ky < work->p->kernel_height; ky++, to += work->run) {
        memcpy(to, take_run(work, &window, work->gathered), (size_t)work->run);
    }
    return (int8_t *)work->packed;
}

void espdl_conv2d_4x4_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const int32_t run = p->kernel_width * p->input_channels;
    const espdl_dot_t dot = {
        .depth = (p->kernel_height * run + 1) & ~1,
        .channels = p->output_channels,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    int8_t *border = (int8_t *)scratch + 8 * dot.depth;
    work_t work = {
        .p = p,
        .x = x,
        .run = run,
        .last_inside = p->dilation_width == 1 ? p->input_width - p->kernel_width : -1,
        .last_inside_row = p->input_height - 1 - (p->kernel_height - 1) * p->dilation_height,
        .end_column = p->output_width * p->stride_width - p->pad_left,
        .packed = scratch,
        .border = border,
        .gathered = border + run,
        .row = -p->pad_top,
        .column = -p->pad_left,
    };
    memset(border, p->input_zero_point, (size_t)run);
    /* An odd number of products gets one more, by a weight of 0. */
    work.packed[2 * dot.depth - 2] = work.packed[2 * dot.depth - 1] = 0;
    int32_t left = p->output_height * p->output_width;
    for (; left > 2; left -= 4, y += 4 * p->output_channels) {
        if (!pack_inner_windows(&work)) {
            pack_windows(&work, left);
        }
        espdl_dot_4x4_s8(&dot, scratch, weights, channels, y, left < 4 ? left : 4);
    }
    /* One or two are faster one by one. */
    for (; left > 0; left--, y += p->output_channels) {
        espdl_dot_1x8_s8(&dot, copy_window(&work), p->kernel_height * run, weights, channels, y);
    }
}
