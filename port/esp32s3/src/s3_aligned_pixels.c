/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_segments.h"

/* Windows that are listed: where sums are in parts, or taps apart. */
static KEEP_APART void listed(const conv_job_t *j, const conv_run_t *r, segmented_t *c, const segments_t *s,
                              const pie_places_t *at)
{
    set_asides(c, espdl_s3_list_segments(c, s, lengths_of(j, r)));
    ee_vld_128_ip(4, c->mask, 0);
    ee_vld_128_ip(5, c->mask_tail, 0);
    pie_rectangle_segments(*at, &c->rectangle, c->list, at->other == PIE_SUMS ? at->y : c->aside);
}

void espdl_s3_aligned_pixels(const conv_job_t *j, const conv_run_t *r, void *segmented)
{
    segmented_t *const c = segmented;
    pie_rectangle_t *const p = &c->rectangle;
    const segments_t s = make_segments(j, r, c);
    const bool sums = c->other == PIE_SUMS;
    const pie_places_t at = {r->x, s.weights, r->bias, r->y,
                             c->other == NULL || sums ? c->other : c->other + (r->y - j->y)};
    set_outputs(p, j, r, c->step);
    p->taps_more = s.inner - 1;
    p->more = s.bytes / 16 - 1;
    p->jump = c->x_inner - s.bytes;
    p->next = c->step - p->taps_more * c->x_inner - s.bytes;
    p->w_jump = 16 * (c->row - s.bytes);
    if (s.inner == 0) {
        set_asides(c, 0);
        pie_rectangle_empty(at, p);
    } else if (c->dilated || (c->most_asides > 0 && (sums || *lengths_of(j, r) > 0))) {
        listed(j, r, c, &s, &at);
    } else if (s.inner != 3 || p->w_jump != 0 || sums) {
        pie_rectangle_any(at, p);
    } else if (s.bytes == 48) {
        p->jump += 16;
        p->next += 16;
        pie_rectangle_3x3(at, p);
    } else {
        pie_rectangle_3_rows(at, p);
    }
}
