/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"

/* A row of outputs that are no whole vectors. */
static void scatter_row(const conv_job_t *j, int32_t group, int8_t *y, int32_t count)
{
    const int32_t lanes = j->outputs - group * 16;
    scatter(j->scratch, y, count, lanes < 16 ? lanes : 16, j->y_step);
}

void espdl_s3_make_conv_job(conv_job_t *j, const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *biases,
                            int8_t *y, int8_t *scratch)
{
    j->rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                        p->output_height);
    j->columns = make_axis(p->input_width, p->pad_left, p->stride_width * p->pixels, p->dilation_width,
                           p->kernel_width + (p->pixels - 1) * p->stride_width, p->output_width / p->pixels);
    j->pixel_bytes = p->input_channels;
    j->row_bytes = p->input_width * p->input_channels;
    j->outputs = p->output_channels * p->pixels;
    j->channels = 16;
    j->y_step = j->outputs;
    j->y_pitch = j->columns.windows * j->outputs;
    j->x = x;
    j->biases = biases;
    j->y = y;
    j->scratch = scratch;
    set_biases(j, p, BIAS_BYTES);
    j->lengths_step = j->bias_group;
    j->lengths = (const uint8_t *)biases + BIAS_BYTES - ESPDL_S3_MOST_PARTS;
    j->entry = j->outputs % 16 != 0 ? 16 : 0;
    j->finish_row = scatter_row;
    j->finish = make_finish(p->shift, p->activation_min, p->activation_max);
    j->row_by_row = false;
    /* The Plan may let the output run into the input, of which some rows at the end may not be there. */
    const int32_t end = window_start(&j->rows, j->rows.windows - 1) + (p->kernel_height - 1) * p->dilation_height + 1;
    const uintptr_t from = (uintptr_t)x, to = (uintptr_t)y;
    const uintptr_t from_end = from + (uintptr_t)((end < j->rows.size ? end : j->rows.size) * j->row_bytes);
    const uintptr_t to_end = to + (uintptr_t)(j->rows.windows * j->y_pitch);
    j->shared = to < from_end && from < to_end;
}

/* Which of an axis' biases are those of windows with the taps `t` inside: 0 of all, 1 .. `before`, then the others. */
static inline int32_t outside(const axis_t *axis, taps_t t, int32_t before)
{
    const int32_t after = axis->taps - t.first - t.count;
    return t.first > 0 ? t.first : after > 0 ? before + after : 0;
}

/* Outputs of one group in some rows with the same taps. */
static inline void convolve_rows(const conv_job_t *j, int32_t group, int32_t row, run_t rows, conv_kernel_t kernel,
                                 void *context)
{
    conv_run_t r;
    int8_t *const y = j->y + row * j->y_pitch + group * j->channels;
    r.group = group;
    r.taps_down = rows.taps;
    r.rows = rows.count;
    r.y = j->entry > 0 ? j->scratch : y;
    r.y_step = j->entry > 0 ? j->entry : j->y_step;
    r.y_pitch = j->y_pitch;
    const int8_t *from = j->x + (window_start(&j->rows, row) + rows.taps.first * j->rows.dilation) * j->row_bytes;
    const int8_t *bias = j->biases + group * j->bias_group + outside(&j->rows, rows.taps, j->rows_before) * j->bias_row;
    for (int32_t column = 0; column < j->columns.windows; column += r.columns) {
        const run_t run = next_run(&j->columns, column);
        const int32_t first = window_start(&j->columns, column) + run.taps.first * j->columns.dilation;
        r.columns = run.count;
        r.taps_across = run.taps;
        r.x = from + first * j->pixel_bytes;
        r.bias = bias + outside(&j->columns, run.taps, j->columns_before) * j->bias_column;
        kernel(j, &r, context);
        r.y += run.count * r.y_step;
    }
    if (j->entry > 0) {
        j->finish_row(j, group, y, j->columns.windows);
    }
}

static KEEP_APART void convolve(const conv_job_t *j, conv_kernel_t kernel, void *context)
{
    const bool one_row = j->row_by_row || j->entry > 0;
    for (int32_t group = 0; group * j->channels < j->outputs; group++) {
        for (int32_t row = 0; row < j->rows.windows;) {
            run_t rows = next_run(&j->rows, row);
            rows.count = one_row ? 1 : rows.count;
            /* Together only rows that end in front of all that their windows read. */
            const int32_t ahead = (int32_t)((uintptr_t)j->x - (uintptr_t)j->y);
            const int32_t room = ahead + window_start(&j->rows, row) * j->row_bytes;
            while (j->shared && rows.count > 1 && (row + rows.count) * j->y_pitch > room) {
                rows.count--;
            }
            convolve_rows(j, group, row, rows, kernel, context);
            row += rows.count;
        }
    }
}

/* Part by part of so many rows and columns. */
static KEEP_APART void convolve_parts(conv_job_t *j, conv_kernel_t kernel, void *context, int32_t down, int32_t across)
{
    const axis_t rows = j->rows, columns = j->columns;
    int8_t *const y = j->y;
    for (int32_t row = 0; row < rows.windows; row += down) {
        take_windows(&j->rows, &rows, row, down);
        for (int32_t column = 0; column < columns.windows; column += across) {
            take_windows(&j->columns, &columns, column, across);
            j->y = y + row * j->y_pitch + column * j->y_step;
            convolve(j, kernel, context);
        }
    }
}

void espdl_s3_convolve(conv_job_t *j, conv_kernel_t kernel, void *context)
{
    int8_t *const y = j->y;
    const int32_t rows = j->rows.windows, columns = j->columns.windows, count = rows * j->y_pitch;
    const bool in_turn = j->shared && j->outputs > j->channels;
    if (in_turn || (j->entry > 0 && columns > ESPDL_S3_WAITING_WINDOWS)) {
        convolve_parts(j, kernel, context, j->shared ? 1 : rows,
                       in_turn ? ESPDL_S3_SHARED_WINDOWS : ESPDL_S3_WAITING_WINDOWS);
    } else {
        convolve(j, kernel, context);
    }
    espdl_s3_clamp_output(&j->finish, y, count);
}
