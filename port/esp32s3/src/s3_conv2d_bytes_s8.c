/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_loops.h"
#include "pie_parts.h"

#define MAC(i) w = ee_vsmulas_s8_qacc_ld_incp(1 + ((i) & 1), w, 1 + ((i) & 1), 0, i)
#define MAC4(i) MAC(i); MAC((i) + 1); MAC((i) + 2); MAC((i) + 3)

/* QACC += weights times the last 1 .. 16 bytes of a piece, which end at `last`; q3 holds the block before, q6 the mask. The
 * weights that come on top to make whole fours meet zeros. */
EE void add_tail(const int8_t *w, const int8_t *last, int32_t lanes)
{
    ee_vld_128_block_xp(4, last, 0);
    ee_src_q(0, 3, 4);
    ee_andq(0, 0, 6);
    MAC4(0);
    if (lanes > 4) {
        MAC4(4);
    }
    if (lanes > 8) {
        MAC4(8);
    }
    if (lanes > 12) {
        MAC4(12);
    }
}

/* Bytes of the last vector of a piece. */
static inline int32_t rest_of(int32_t bytes)
{
    return (bytes - 1) % 16 + 1;
}

/* QACC += weights times `bytes` bytes at `x`. Changes q0 .. q4. */
EE void add_piece(const int8_t *w, const int8_t *x, int32_t bytes)
{
    const int8_t *from = x;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    from = ee_ld_128_usar_ip(3, from, 16);
    pie_mac_unaligned(&w, &from, (bytes - 1) / 16);
    add_tail(w, x + bytes - 1, rest_of(bytes));
}

typedef struct {
    segment_constants_t segments;
    int32_t bits;
    _Alignas(16) int8_t masks[BIAS_BYTES]; /* see load_part_masks() */
} bytes_t;

/* One row of outputs. */
static void pixels(const conv_job_t *j, const conv_run_t *r, const void *context)
{
    const bytes_t *c = context;
    const segments_t s = make_segments(j, r, &c->segments);
    _Alignas(16) int8_t spill[BIAS_BYTES];
    int8_t *const room = j->scratch + (j->partial ? 16 * j->columns.windows : 0), *y = r->y;
    const piece_t *const pieces = (piece_t *)(room + ASIDE_BYTES);
    const int8_t *x = r->x;
    const int32_t asides = s.inner > 0 ? list_pieces((piece_t *)(room + ASIDE_BYTES), &s) : 0;
    int32_t masked = 0;
    for (int32_t count = r->columns; count > 0; count--) {
        int8_t *to = room;
        pie_load_bias(s.bias);
        for (const piece_t *piece = pieces; s.inner > 0; piece++) {
            if (rest_of(piece->bytes) != masked) {
                masked = rest_of(piece->bytes);
                pie_mask(6, masked);
            }
            add_piece(s.weights + 16 * piece->place, x + piece->x, piece->bytes);
            if (piece->then < 0) {
                break;
            }
            if (piece->then > 0) {
                ee_vld_128_ip(4, c->masks, 0);
                to = set_aside(c->bits, to, spill);
            }
        }
        finish_parts(room, asides, j->finish.shift);
        ee_vrelu_s8(3, j->finish.negative, 0);
        y = ee_vst_128_xp(3, y, r->y_step);
        x += j->columns.stride * j->pixel_bytes;
    }
}

void espdl_s3_conv2d_bytes_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    conv_job_t job = make_conv_job(p, x, y, scratch);
    bytes_t context = {.segments = make_segment_constants(p, weights, biases), .bits = part_bits(p->shift)};
    job.row_by_row = true;
    load_part_masks(context.bits, context.masks);
    load_part_factor(context.bits, p->shift);
    conv_run(&job, pixels, &context);
}
