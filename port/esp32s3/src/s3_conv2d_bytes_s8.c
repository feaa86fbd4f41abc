/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_parts.h"
#include "pie_tail.h"

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
