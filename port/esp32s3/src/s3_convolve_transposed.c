/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "transposed.h"

/* One axis: the taps `remainder`, `remainder` + stride, ... */
typedef struct {
    axis_t windows;
    int32_t first; /* of the outputs, which follow each other by the stride */
} phase_t;

static phase_t make_phase(const axis_t *axis, int32_t remainder)
{
    const int32_t pad = axis->pad, stride = axis->stride, taps = axis->taps, outputs = axis->windows;
    const int32_t own = taps > remainder ? (taps - remainder + stride - 1) / stride : 0;
    const int32_t first = ((remainder - pad) % stride + stride) % stride;
    const int32_t windows = outputs > first ? (outputs - first + stride - 1) / stride : 0;
    const int32_t reach = (first + pad - remainder) / stride; /* without a rest */
    return (phase_t){make_axis(axis->size, own - 1 - reach, 1, 1, own, windows), first};
}

void espdl_s3_convolve_transposed(conv_job_t *job, segmented_t *segmented, axis_t rows, axis_t columns,
                                  const int8_t *weights, conv_kernel_t kernel)
{
    const int32_t groups = (job->outputs + 15) / 16, pitch = columns.windows * job->outputs;
    const finish_t finish = job->finish;
    int8_t *const y = job->y;
    job->finish.clamps = false; /* but all of them together */
    job->shared = false;
    job->row_by_row = kernel != espdl_s3_aligned_pixels; /* which alone computes several at once */
    job->y_step = columns.stride * job->outputs;
    job->y_pitch = rows.stride * pitch;
    for (int32_t down = 0; down < rows.stride; down++) {
        const phase_t phase = make_phase(&rows, down);
        job->rows = phase.windows;
        for (int32_t across = 0; across < columns.stride; across++) {
            const phase_t other = make_phase(&columns, across);
            job->columns = other.windows;
            job->y = y + phase.first * pitch + other.first * job->outputs;
            set_kernel(segmented, job, weights, job->rows.taps, job->columns.taps);
            espdl_s3_convolve(job, kernel, segmented);
            weights += 16 * groups * segmented->group;
            job->biases += groups * job->bias_group;
            job->lengths += groups * job->lengths_step;
        }
    }
    espdl_s3_clamp_output(&finish, y, rows.windows * pitch);
}
