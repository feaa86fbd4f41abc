/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_job.h"
#include "pie_loops.h"
#include "pie_pointwise.h"

/* Some neighbouring pixels and a group of outputs; steps in bytes. */
typedef struct {
    const int8_t *x, *weights, *bias;
    const uint8_t *lengths; /* vectors of each part of the sums but the last, then 0 */
    int32_t count, step;
} pixels_t;

static void whole_sums(const affine_job_t *a, const pixels_t *s)
{
    const pie_places_t at = {s->x, s->weights, s->bias, a->job.scratch, PIE_SUMS};
    pie_pointwise_sums(at, s->count, a->job.pixel_bytes / 16 - 1, s->step - a->job.pixel_bytes);
}

static void sums_in_parts(const affine_job_t *a, const pixels_t *s)
{
    _Alignas(16) int8_t spill[SUM_BYTES];
    const int32_t bits = a->scales.bits, vectors = a->job.pixel_bytes / 16;
    const int8_t *x = s->x;
    int8_t *sums = a->job.scratch;
    ee_vld_128_ip(4, a->scales.masks, 0);
    ee_vld_128_ip(5, a->scales.masks + 16, 0);
    for (int32_t count = s->count; count > 0; count--, x += s->step) {
        const int8_t *w = s->weights, *from = x;
        int32_t left = vectors, missing = a->asides;
        w = ee_vld_128_ip(1, w, 16);
        w = ee_vld_128_ip(2, w, 16);
        pie_load_bias(s->bias);
        for (const uint8_t *length = s->lengths; *length > 0; length++) {
            pie_mac_vectors(&w, &from, *length - 1);
            sums = set_aside(bits, sums, spill);
            left -= *length;
            missing--;
        }
        pie_mac_vectors(&w, &from, left - 1);
        sums = store_sums(store_zeros(sums, missing));
    }
}

/* Outputs of one group. */
static void outputs_of(const affine_job_t *a, const int8_t *weights, int32_t group, const int8_t *x, int8_t *y,
                       int32_t count, int32_t step)
{
    const conv_job_t *const j = &a->job;
    const pixels_t s = {x, weights + group * 16 * j->pixel_bytes, j->biases + group * BIAS_BYTES,
                        j->lengths + group * j->lengths_step, count, step};
    if (a->asides > 0) {
        sums_in_parts(a, &s);
    } else {
        whole_sums(a, &s);
    }
    espdl_s3_affine_outputs(a, group, y, count, j->outputs);
}

/* From `room` to `y`, both multiples of 16 where `bytes` is. */
static void copy_outputs(const int8_t *room, int8_t *y, int32_t bytes)
{
    if (bytes % 16 == 0) {
        pie_gather(room, y, bytes / 16, 16);
    } else {
        memcpy(y, room, (size_t)bytes);
    }
}

/* How many times `bytes` ESPDL_S3_AFFINE_ROOM holds, but once at least. */
static int32_t room_for(int32_t bytes)
{
    return bytes < ESPDL_S3_AFFINE_ROOM ? ESPDL_S3_AFFINE_ROOM / bytes : 1;
}

/*
 * Some pixels and one group of outputs at a time: all pixels of a group, then the next group. Where outputs are written
 * over inputs, all groups of the same pixels: their outputs wait until the last has been computed.
 */
void espdl_s3_conv2d_pointwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x,
                                         const int8_t *weights, const int8_t *biases, const int8_t *scales, int8_t *y,
                                         int8_t *scratch)
{
    affine_job_t a;
    espdl_s3_make_affine_job(&a, p, x, biases, scales, y, scratch);
    const bool dense = p->stride_width == 1 && p->stride_height == 1, shared = a.job.shared;
    const int32_t rows = dense ? 1 : p->output_height;
    const int32_t columns = dense ? p->output_height * p->output_width : p->output_width;
    const int32_t outputs = a.job.outputs, groups = (outputs + 15) / 16;
    const int32_t sums = room_for(a.job.entry) < columns ? room_for(a.job.entry) : columns;
    const int32_t most = shared && room_for(16 * groups) < sums ? room_for(16 * groups) : sums;
    const int32_t step = p->stride_width * a.job.pixel_bytes;
    const int32_t at_once = shared || (rows == 1 && columns == most) ? groups : 1;
    int8_t *const room = scratch + most * a.job.entry;
    for (int32_t first = 0; first < groups; first += at_once) {
        int8_t *to = y;
        for (int32_t row = 0; row < rows; row++) {
            const int8_t *from = x + row * p->stride_height * a.job.row_bytes;
            for (int32_t left = columns, count; left > 0; left -= count) {
                count = left < most ? left : most;
                for (int32_t group = first; group < first + at_once; group++) {
                    outputs_of(&a, weights, group, from, (shared ? room : to) + 16 * group, count, step);
                }
                if (shared) {
                    copy_outputs(room, to, count * outputs);
                }
                from += count * step;
                to += count * outputs;
            }
        }
    }
    espdl_s3_clamp_output(&a.job.finish, y, rows * columns * outputs);
}
