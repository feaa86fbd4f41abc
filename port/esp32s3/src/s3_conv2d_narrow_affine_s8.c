/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_conv.h"
#include "pie_narrow.h"

/* Weights [group][kernel row][lanes][16]; lanes: the bytes of a kernel row, made even by weights of zero. */
typedef struct {
    const int8_t *weights;
    int32_t lanes, bytes; /* of a kernel row */
} constants_t;

/* One block for each number of lanes, which is a literal in it. */
static void compute(int32_t lanes, bool masked, pie_places_t at, pie_rectangle_t *p, int32_t last)
{
    switch (lanes) {
#define LANES(n)                                                                                                       \
    case n:                                                                                                            \
        if (masked) {                                                                                                  \
            pie_rectangle_narrow_sums(n, true, at, p, last);                                                           \
        } else {                                                                                                       \
            pie_rectangle_narrow_sums(n, false, at, p, last);                                                          \
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

static void pixels(const affine_t *a, const affine_run_t *r, const void *context)
{
    const constants_t *c = context;
    const int32_t bytes = r->columns.count * a->pixel_bytes, step = a->columns.stride * a->pixel_bytes;
    const int32_t pitch = a->rows.dilation * a->row_bytes;
    const int32_t first = (r->group * a->p->kernel_height + r->rows.first) * c->lanes;
    const pie_places_t at = {r->x, c->weights + 16 * (first + r->columns.first * a->pixel_bytes), r->bias, r->sums, NULL};
    pie_rectangle_t p;
    set_row(&p, r->count);
    p.taps_more = r->rows.count - 1;
    p.jump = pitch - (bytes - 1);
    p.next = step - r->rows.count * pitch;
    if (bytes == 0 || r->rows.count == 0) {
        store_empty_sums(r);
        return;
    }
    if (bytes < c->bytes) {
        pie_mask(7, bytes);
    }
    compute(c->lanes, bytes < c->bytes, at, &p, bytes - 1);
}

void espdl_s3_conv2d_narrow_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                      const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const affine_t a = make_affine(p, 0, x, biases, scales, y, scratch);
    const int32_t bytes = a.columns.taps * a.pixel_bytes;
    const constants_t constants = {weights, (bytes + 1) & ~1, bytes};
    affine_run(&a, pixels, &constants);
}
