/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_pieces.h"
#include "pie_loops.h"

/* QACC += weights times the vectors of a piece. */
EE void add_piece(const int8_t *weights, const int8_t *x, const piece_t *piece)
{
    const int8_t *w = weights + piece->w, *from = x + piece->x;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    pie_mac_vectors(&w, &from, (int32_t)((uint32_t)piece->bytes / 16) - 1);
}

/* A window whose sum is whole, and whose rows are contiguous. */
static void whole_sums(const affine_t *a, const affine_run_t *r, const int8_t *weights)
{
    const int32_t bytes = r->columns.count * a->pixel_bytes, row = a->p->kernel_width * a->pixel_bytes;
    const int32_t pitch = a->rows.dilation * a->row_bytes, rows = r->rows.count;
    const int32_t first = r->rows.first * row + r->columns.first * a->pixel_bytes;
    const pie_places_t at = {r->x, weights + 16 * first, r->bias, r->sums, NULL};
    pie_rectangle_t p;
    if (bytes == 0 || rows == 0) {
        store_empty_sums(r);
        return;
    }
    set_row(&p, r->count);
    p.taps_more = rows - 1;
    p.more = bytes / 16 - 1;
    p.jump = pitch - bytes;
    p.next = a->columns.stride * a->pixel_bytes - p.taps_more * pitch - bytes;
    p.w_jump = 16 * (row - bytes);
    pie_rectangle_any_sums(at, &p);
}

static void sums_in_parts(const affine_t *a, const affine_run_t *r, const pieces_t *c, const int8_t *weights)
{
    const piece_t *const end = list_pieces(a, r, c);
    const int8_t *x = r->x;
    int8_t *sums = r->sums;
    for (int32_t count = r->count; count > 0; count--) {
        int8_t *to = sums + SUM_BYTES;
        pie_load_bias(r->bias);
        for (const piece_t *piece = c->pieces; piece < end; piece++) {
            add_piece(weights, x, piece);
            if (piece->set_aside) {
                to = set_sums_aside(&a->scales, to, sums);
            }
        }
        sums = store_sums_in_parts(a, sums, to);
        x += a->columns.stride * a->pixel_bytes;
    }
}

static void pixels(const affine_t *a, const affine_run_t *r, const void *context)
{
    const pieces_t *c = context;
    const int8_t *const weights = c->weights + r->group * a->p->kernel_height * a->p->kernel_width * a->pixel_bytes * 16;
    if (a->asides == 0 && !c->dilated) {
        whole_sums(a, r, weights);
    } else {
        sums_in_parts(a, r, c, weights);
    }
}

void espdl_s3_conv2d_aligned_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                       const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const affine_t a = make_affine(p, asides_of(p), x, biases, scales, y, scratch);
    const pieces_t context = make_pieces(&a, weights);
    affine_run(&a, pixels, &context);
}
