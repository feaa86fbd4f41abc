/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "conv2d_narrow.h"

void espdl_s3_narrow_pixels(const conv_job_t *j, const conv_run_t *r, void *narrow)
{
    narrow_t *const c = narrow;
    pie_rectangle_t *const p = &c->rectangle;
    const int32_t bytes = r->taps_across.count * j->pixel_bytes, step = j->columns.stride * j->pixel_bytes;
    const int32_t pitch = j->rows.dilation * j->row_bytes;
    const int32_t first = (r->group * c->kernel_height + r->taps_down.first) * c->lanes;
    const int8_t *const weights = c->weights + 16 * (first + r->taps_across.first * j->pixel_bytes);
    const pie_places_t at = {r->x, weights, r->bias, r->y, c->other};
    set_outputs(p, j, r, step);
    p->taps_more = r->taps_down.count - 1;
    p->jump = pitch - (bytes - 1);
    p->next = step - r->taps_down.count * pitch;
    if (bytes == 0 || r->taps_down.count == 0) {
        pie_rectangle_empty(at, p);
        return;
    }
    if (bytes < c->bytes) {
        pie_mask(7, bytes);
    }
    c->rows(&at, p, bytes - 1, bytes < c->bytes);
}
