/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"
#include "pie_tail.h"

void espdl_s3_bytes_pixels(const conv_job_t *j, const conv_run_t *r, void *segmented)
{
    segmented_t *const c = segmented;
    const segments_t s = make_segments(j, r, c);
    const bool sums = c->other == PIE_SUMS;
    const int32_t asides = s.inner > 0 ? espdl_s3_list_segments(c, &s, lengths_of(j, r)) : 0;
    const int8_t *x = r->x;
    int8_t *y = r->y;
    int32_t masked = 0;
    for (int32_t count = r->columns; count > 0; count--) {
        const int8_t *w = s.weights, *from = x;
        int8_t *to = sums ? y : c->aside;
        pie_load_bias(r->bias);
        for (const pie_segment_t *segment = c->list; s.inner > 0; segment++) {
            const int32_t bytes = 16 * segment->more + segment->rest;
            if (segment->rest != masked) {
                masked = segment->rest;
                pie_mask(6, masked);
            }
            add_segment(w, from, segment);
            if (segment->then < 0) {
                break;
            }
            w += 16 * bytes + segment->w_jump;
            from += bytes + segment->x_jump;
            if (segment->then > 0) {
                ee_vld_128_ip(4, c->mask, 0);
                ee_vld_128_ip(5, c->mask_tail, 0);
                to = set_aside(c->rectangle.bits, to, c->rectangle.spill);
            }
        }
        if (sums) {
            y = store_sums(store_zeros(to, c->most_asides - asides));
        } else {
            finish_parts(c->aside, asides, j->finish.shift);
            ee_vrelu_s8(3, j->finish.negative, 0);
            y = ee_vst_128_xp(3, y, r->y_step);
        }
        x += c->step;
    }
}
