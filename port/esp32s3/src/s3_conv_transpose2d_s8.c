/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Outputs whose distance is a multiple of the strides are those of a convolution without strides, with some of the taps in
 * reverse order: for each remainder of a tap's place by the strides, one convolution writes every stride-th row and column.
 */
#include "espdl/esp32s3/conv_transpose2d.h"

#include "conv2d_aligned.h"

/* One axis: the taps `remainder`, `remainder` + stride, ... */
typedef struct {
    axis_t windows;
    int32_t first; /* of the outputs, which follow each other by the stride */
} phase_t;

static phase_t make_phase(int32_t size, int32_t pad, int32_t stride, int32_t taps, int32_t outputs, int32_t remainder)
{
    const int32_t own = taps > remainder ? (taps - remainder + stride - 1) / stride : 0;
    const int32_t first = ((remainder - pad) % stride + stride) % stride;
    const int32_t windows = outputs > first ? (outputs - first + stride - 1) / stride : 0;
    const int32_t reach = (first + pad - remainder) / stride; /* without a rest */
    return (phase_t){make_axis(size, own - 1 - reach, 1, 1, own, windows), first};
}

/* Outputs of one group in the rows of one phase; `y`: the first. */
static void phase_group(const conv_job_t *j, const espdl_s3_conv2d_params_t *p, int32_t group, int8_t *y,
                        const aligned_t *context)
{
    const int32_t lanes = j->outputs - 16 * group, step = p->stride_width * j->outputs;
    const int32_t pitch = p->stride_height * p->output_width * j->outputs;
    for (int32_t row = 0; row < j->rows.windows;) {
        run_t rows = next_run(&j->rows, row);
        rows.count = j->partial ? 1 : rows.count;
        conv_run_t r = {.group = group, .taps_down = rows.taps, .rows = rows.count, .y_pitch = pitch};
        r.y = j->partial ? j->scratch : y + row * pitch;
        r.y_step = j->partial ? 16 : step;
        for (int32_t column = 0; column < j->columns.windows; column += r.columns) {
            const run_t run = next_run(&j->columns, column);
            r.columns = run.count;
            r.taps_across = run.taps;
            r.x = j->x + (window_start(&j->rows, row) + rows.taps.first) * j->row_bytes +
                  (window_start(&j->columns, column) + run.taps.first) * j->pixel_bytes;
            aligned_pixels(j, &r, context);
            r.y += run.count * r.y_step;
        }
        if (j->partial) {
            scatter(j->scratch, y + row * pitch, j->columns.windows, lanes < 16 ? lanes : 16, step);
        }
        row += rows.count;
    }
}

void espdl_s3_conv_transpose2d_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const int32_t groups = (p->output_channels + 15) / 16;
    conv_job_t job = make_conv_job(p, x, y, scratch);
    pie_rectangle_t rectangle;
    aligned_t context = {.other = NULL};
    load_aligned(&context, &rectangle, p, NULL);
    for (int32_t down = 0; down < p->stride_height; down++) {
        const phase_t rows =
            make_phase(p->input_height, p->pad_top, p->stride_height, p->kernel_height, p->output_height, down);
        for (int32_t across = 0; across < p->stride_width; across++) {
            const phase_t columns =
                make_phase(p->input_width, p->pad_left, p->stride_width, p->kernel_width, p->output_width, across);
            job.rows = rows.windows;
            job.columns = columns.windows;
            context.segments = (segment_constants_t){weights, biases, false, rows.windows.taps, columns.windows.taps};
            int8_t *const first = y + (rows.first * p->output_width + columns.first) * p->output_channels;
            for (int32_t group = 0; group < groups; group++) {
                phase_group(&job, p, group, first + 16 * group, &context);
            }
            weights += 16 * groups * rows.windows.taps * columns.windows.taps * p->input_channels;
            biases += BIAS_BYTES * groups;
        }
    }
    clamp_output(&job.finish, y, p->output_height * p->output_width * p->output_channels);
}
