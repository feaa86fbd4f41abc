/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_conv.h"
#include "pie_loops.h"

/* Some neighbouring pixels of one group of outputs; `step` bytes from pixel to pixel. */
typedef struct {
    const int8_t *x, *weights, *bias;
    int8_t *sums;
    int32_t count, step;
} pixels_t;

static void whole_sums(const affine_t *a, const pixels_t *s)
{
    pie_rectangle_t p;
    set_row(&p, s->count);
    p.taps_more = 0;
    p.more = a->pixel_bytes / 16 - 1;
    p.jump = p.w_jump = 0;
    p.next = s->step - a->pixel_bytes;
    pie_rectangle_any_sums((pie_places_t){s->x, s->weights, s->bias, s->sums, NULL}, &p);
}

static void sums_in_parts(const affine_t *a, const pixels_t *s)
{
    const int32_t more = a->p->part - 1, last_more = a->pixel_bytes / 16 - a->asides * a->p->part - 1;
    const int8_t *x = s->x;
    int8_t *sums = s->sums;
    for (int32_t count = s->count; count > 0; count--, x += s->step) {
        const int8_t *w = s->weights, *from = x;
        int8_t *to = sums + SUM_BYTES;
        w = ee_vld_128_ip(1, w, 16);
        w = ee_vld_128_ip(2, w, 16);
        pie_load_bias(s->bias);
        for (int32_t i = a->asides; i > 0; i--) {
            pie_mac_vectors(&w, &from, more);
            to = set_sums_aside(&a->scales, to, sums);
        }
        pie_mac_vectors(&w, &from, last_more);
        store_sums(sums);
        sums = to;
    }
}

/* All outputs of some neighbouring pixels: their input is read before any of them is written. */
static void compute(const affine_t *a, const int8_t *weights, const int8_t *x, int8_t *y, int32_t count, int32_t step)
{
    const int32_t entry = SUM_BYTES + 16 * a->asides;
    pixels_t s = {x, weights, a->biases, a->sums, count, step};
    for (int32_t group = 0; group * 16 < a->outputs; group++) {
        if (a->asides > 0) {
            sums_in_parts(a, &s);
        } else {
            whole_sums(a, &s);
        }
        s.weights += 16 * a->pixel_bytes;
        s.bias += BIAS_BYTES;
        s.sums += count * entry;
    }
    int8_t *sums = a->sums;
    for (int32_t group = 0; group * 16 < a->outputs; group++, sums += count * entry) {
        affine_outputs(a, sums, group, y + group * 16, count, a->outputs);
    }
}

void espdl_s3_conv2d_pointwise_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                         const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const affine_t a = make_affine(p, asides_of(p), x, biases, scales, y, scratch);
    const bool dense = p->stride_width == 1 && p->stride_height == 1;
    const int32_t rows = dense ? 1 : p->output_height;
    const int32_t columns = dense ? p->output_height * p->output_width : p->output_width;
    const int32_t groups = (a.outputs + 15) / 16, step = p->stride_width * a.pixel_bytes;
    const int32_t most = groups < ESPDL_S3_AFFINE_SUMS ? ESPDL_S3_AFFINE_SUMS / groups : 1;
    int8_t *to = y;
    for (int32_t row = 0; row < rows; row++, x += p->stride_height * a.row_bytes) {
        for (int32_t column = 0; column < columns; column += most) {
            const int32_t count = columns - column < most ? columns - column : most;
            compute(&a, weights, x + column * step, to, count, step);
            to += count * a.outputs;
        }
    }
    clamp_output(&a.finish, y, rows * columns * a.outputs);
}
