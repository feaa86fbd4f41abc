/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_job.h"
#include "pie_narrow.h"

/* Weights [group][kernel row][lanes][16]; lanes: the bytes of a kernel row, made even by weights of zero. */
typedef struct {
    const int8_t *weights, *biases;
    int32_t lanes, kernel_height, kernel_bytes;
    pie_rectangle_t *rectangle;
} constants_t;

/* One block for each number of lanes, which is a literal in it. */
static void compute(int32_t lanes, bool masked, pie_places_t at, pie_rectangle_t *p, int32_t last)
{
    switch (lanes) {
#define LANES(n)                                                                                                       \
    case n:                                                                                                            \
        if (masked) {                                                                                                  \
            pie_rectangle_narrow(n, true, at, p, last);                                                                \
        } else {                                                                                                       \
            pie_rectangle_narrow(n, false, at, p, last);                                                               \
        }                                                                                                              \
        break;
        LANES(2)
        LANES(4)
        LANES(6)
        LANES(8)
        LANES(10)
        LANES(12)
        LANES(14)
        LANES(16)
    default: break;
    }
}

static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const constants_t *c = context;
    pie_rectangle_t *p = c->rectangle;
    const int32_t bytes = r->taps_across.count * j->pixel_bytes, step = j->columns.stride * j->pixel_bytes;
    const int32_t pitch = j->rows.dilation * j->row_bytes;
    const int32_t first = (r->group * c->kernel_height + r->taps_down.first) * c->lanes;
    const pie_places_t at = {r->x, c->weights + 16 * (first + r->taps_across.first * j->pixel_bytes),
                             c->biases + r->group * BIAS_BYTES, r->y, NULL};
    set_outputs(p, j, r, step);
    p->taps_more = r->taps_down.count - 1;
    p->jump = pitch - (bytes - 1);
    p->next = step - r->taps_down.count * pitch;
    if (bytes == 0 || r->taps_down.count == 0) {
        pie_rectangle_empty(at, p);
        return;
    }
    if (bytes < c->kernel_bytes) {
        pie_mask(7, bytes);
    }
    compute(c->lanes, bytes < c->kernel_bytes, at, p, bytes - 1);
}

void espdl_s3_conv2d_narrow_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                               const int8_t *biases, int8_t *y, int8_t *scratch)
{
    const conv_job_t job = make_conv_job(p, x, y, scratch);
    const int32_t bytes = job.columns.taps * job.pixel_bytes;
    pie_rectangle_t rectangle = {.shift = p->shift};
    const constants_t constants = {weights, biases, (bytes + 1) & ~1, p->kernel_height, bytes, &rectangle};
    ee_vldbc_8_ip(6, &job.finish.low, 0);
    conv_run(&job, pixels, &constants);
}
