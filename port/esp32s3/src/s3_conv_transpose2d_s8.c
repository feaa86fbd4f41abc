/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Outputs whose distance is a multiple of the strides are those of a convolution without strides, with some of the taps in
 * reverse order: for each remainder of a tap's place by the strides, one convolution writes every stride-th row and column.
 */
#include "espdl/esp32s3/conv_transpose2d.h"

#include "conv2d_segments.h"

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

void espdl_s3_conv_transpose2d_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const int32_t groups = (p->output_channels + 15) / 16, pitch = p->output_width * p->output_channels;
    conv_job_t job;
    segmented_t segmented;
    espdl_s3_make_conv_job(&job, p, x, biases, y, scratch);
    /* For the room in `scratch`: the most of any phase. */
    job.columns.windows = (p->output_width + p->stride_width - 1) / p->stride_width;
    espdl_s3_make_segmented(&segmented, &job, p, weights, NULL, NULL);
    const finish_t finish = job.finish;
    job.finish.clamps = false; /* but all phases together */
    job.row_by_row = false;
    job.y_step = p->stride_width * p->output_channels;
    job.y_pitch = p->stride_height * pitch;
    for (int32_t down = 0; down < p->stride_height; down++) {
        const phase_t rows =
            make_phase(p->input_height, p->pad_top, p->stride_height, p->kernel_height, p->output_height, down);
        for (int32_t across = 0; across < p->stride_width; across++) {
            const phase_t columns =
                make_phase(p->input_width, p->pad_left, p->stride_width, p->kernel_width, p->output_width, across);
            job.rows = rows.windows;
            job.columns = columns.windows;
            job.y = y + rows.first * pitch + columns.first * p->output_channels;
            set_kernel(&segmented, &job, weights, rows.windows.taps, columns.windows.taps);
            espdl_s3_convolve(&job, espdl_s3_aligned_pixels, &segmented);
            weights += 16 * groups * segmented.group;
            job.biases += BIAS_BYTES * groups;
            job.lengths += BIAS_BYTES * groups;
        }
    }
    espdl_s3_clamp_output(&finish, y, p->output_height * pitch);
}
