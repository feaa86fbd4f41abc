/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Windows as pieces, each of which is contiguous in the input and in the weights, and ends where a part of the sum does.
 * Weights [group][kernel row][bytes of a kernel row][16]; with dilation [group][kernel column][kernel row][channel][16].
 */
#pragma once

#include "affine_conv.h"

/** `bytes` of the input, each of which has 16 weights. */
typedef struct {
    int32_t bytes;
    int32_t x, w;    /**< from the window's first byte inside the image on; among the weights of the group */
    int32_t set_aside; /**< 1: a part of the sum ends behind it */
} piece_t;

typedef struct {
    const int8_t *weights;
    piece_t *pieces;   /**< room for those of a run */
    int32_t part;      /**< bytes of a window in a part of its sum; 0: all */
    bool dilated;
} pieces_t;

/* Cuts `bytes` at `place` among the window's bytes where parts end. `last`: NULL, or the piece in front of these. */
static inline piece_t *cut(piece_t *to, piece_t *last, int32_t part, int32_t bytes, int32_t x, int32_t place)
{
    if (last != NULL && part > 0 && (last->w / 16 + last->bytes - 1) / part != place / part) {
        last->set_aside = 1;
    }
    while (bytes > 0) {
        const int32_t room = part > 0 ? part - place % part : bytes;
        const int32_t now = bytes < room ? bytes : room;
        bytes -= now;
        *to++ = (piece_t){now, x, 16 * place, bytes > 0};
        x += now;
        place += now;
    }
    return to;
}

/** The pieces of the windows of a run; returns their end. */
static KEEP_APART piece_t *list_pieces(const affine_t *a, const affine_run_t *r, const pieces_t *c)
{
    const int32_t tap = a->pixel_bytes, height = a->p->kernel_height, width = a->p->kernel_width;
    const int32_t outer = c->dilated ? r->columns.count : 1, bytes = c->dilated ? tap : r->columns.count * tap;
    piece_t *to = c->pieces;
    for (int32_t i = 0; i < outer && bytes > 0; i++) {
        for (int32_t k = 0; k < r->rows.count; k++) {
            const int32_t row = r->rows.first + k, column = r->columns.first + i;
            const int32_t place = c->dilated ? (column * height + row) * tap : (row * width + column) * tap;
            const int32_t x = k * a->rows.dilation * a->row_bytes + i * a->columns.dilation * tap;
            to = cut(to, to > c->pieces ? to - 1 : NULL, c->part, bytes, x, place);
        }
    }
    return to;
}

static inline pieces_t make_pieces(const affine_t *a, const int8_t *weights)
{
    const espdl_s3_affine_conv2d_params_t *p = a->p;
    int8_t *const room = a->sums + a->columns.windows * (SUM_BYTES + 16 * a->asides) + 16;
    return (pieces_t){weights, (piece_t *)(void *)room, 16 * p->part, p->dilation_width != 1 && p->kernel_width != 1};
}

/** The sums of a pixel whose parts but the last are set aside, up to `to`: those that its window does not have are 0. */
EE int8_t *store_sums_in_parts(const affine_t *a, int8_t *sums, int8_t *to)
{
    int8_t *const next = store_sums(sums) + 16 * a->asides;
    while (to < next) {
        ee_zero_q(0);
        to = ee_vst_128_ip(0, to, 16);
    }
    return next;
}
