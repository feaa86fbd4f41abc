/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "affine_pieces.h"
#include "pie_tail.h"

static void pixels(const affine_t *a, const affine_run_t *r, const void *context)
{
    const pieces_t *c = context;
    const piece_t *const end = list_pieces(a, r, c);
    const int8_t *const weights = c->weights + r->group * a->p->kernel_height * a->p->kernel_width * a->pixel_bytes * 16;
    const int8_t *x = r->x;
    int8_t *sums = r->sums;
    int32_t masked = 0;
    for (int32_t count = r->count; count > 0; count--) {
        int8_t *to = sums + SUM_BYTES;
        pie_load_bias(r->bias);
        for (const piece_t *piece = c->pieces; piece < end; piece++) {
            const int32_t rest = rest_of(piece->bytes);
            if (rest != masked) {
                masked = rest;
                pie_mask(6, rest);
            }
            add_piece(weights + piece->w, x + piece->x, piece->bytes);
            if (piece->set_aside) {
                to = set_sums_aside(&a->scales, to, sums);
            }
        }
        sums = store_sums_in_parts(a, sums, to);
        x += a->columns.stride * a->pixel_bytes;
    }
}

void espdl_s3_conv2d_bytes_affine_s8(const espdl_s3_affine_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                     const int8_t *biases, const int8_t *scales, int8_t *y, int8_t *scratch)
{
    const affine_t a = make_affine(p, asides_of(p), x, biases, scales, y, scratch);
    const pieces_t context = make_pieces(&a, weights);
    affine_run(&a, pixels, &context);
}
