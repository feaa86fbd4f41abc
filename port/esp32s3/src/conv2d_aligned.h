/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolution whose input channels are a multiple of 16, alone or with a sum behind it.
 */
#pragma once

#include "conv2d_segments.h"
#include "pie_parts.h"
#include "sum.h"

/** What the kernel knows of all rectangles. */
typedef struct {
    segment_constants_t segments;
    pie_rectangle_t *rectangle;
    const int8_t *other; /**< NULL, or what is added */
    bool parts;          /**< some group's sums are in parts */
} aligned_t;

/** Fills `a`, its rectangle, and the registers that stay; `sum`: NULL, or what is computed with the result. */
static inline void load_aligned(aligned_t *a, pie_rectangle_t *p, const espdl_s3_conv2d_params_t *conv, const sum_t *sum)
{
    const int32_t bits = part_bits(conv->shift);
    const int8_t low = (int8_t)(sum != NULL ? sum->finish.low : conv->activation_min);
    _Alignas(16) int8_t lanes[16] = {(int8_t)(1 << (bits - conv->shift))};
    p->shift = conv->shift;
    p->bits = bits;
    if (sum != NULL) {
        lanes[LANE_A] = (int8_t)sum->a_factor;
        lanes[LANE_B] = (int8_t)sum->b_factor;
        fill_lanes(p->start, sum->start);
        p->sum_shift = sum->finish.shift;
    }
    if (conv->parts > 1) {
        _Alignas(16) int8_t masks[BIAS_BYTES];
        load_part_masks(bits, masks);
    }
    ee_vldbc_8_ip(6, &low, 0);
    ee_vld_128_ip(7, lanes, 0);
    a->parts = conv->parts > 1;
    a->rectangle = p;
}

/* The pieces of a window as segments, in the same memory; `step` bytes from window to window. */
static inline void as_segments(piece_t *piece, int32_t step)
{
    const int32_t first = piece->place;
    for (bool more = true; more; piece++) {
        const piece_t now = *piece;
        more = now.then >= 0;
        const int32_t x = more ? piece[1].x : step, place = more ? piece[1].place : first;
        const pie_segment_t segment = {now.bytes / 16 - 1, x - now.x - now.bytes, 16 * (place - now.place - now.bytes),
                                       now.then};
        memcpy(piece, &segment, sizeof segment);
    }
}

static KEEP_APART void rectangle_of_segments(const conv_job_t *j, const segments_t *s, pie_places_t at,
                                             pie_rectangle_t *p, int32_t step)
{
    int8_t *const room = j->scratch + (j->partial ? 16 * j->columns.windows : 0) + ASIDE_BYTES;
    p->asides = list_pieces((piece_t *)room, s);
    as_segments((piece_t *)room, step);
    if (at.other != NULL) {
        pie_rectangle_segments_sum(at, p, (pie_segment_t *)room);
    } else {
        pie_rectangle_segments(at, p, (pie_segment_t *)room);
    }
}

/** One rectangle of outputs, and what is added to them. */
EE void aligned_pixels(const conv_job_t *j, const conv_run_t *r, const aligned_t *a)
{
    const segment_constants_t *c = &a->segments;
    const segments_t s = make_segments(j, r, c);
    const int32_t step = j->columns.stride * j->pixel_bytes;
    const pie_places_t at = {r->x, s.weights + 16 * s.first, s.bias, r->y,
                             a->other != NULL ? a->other + (r->y - j->y) : NULL};
    pie_rectangle_t *const p = a->rectangle;
    set_outputs(p, j, r, step);
    p->taps_more = s.inner - 1;
    p->more = s.bytes / 16 - 1;
    p->jump = s.x_inner - s.bytes;
    p->next = step - p->taps_more * s.x_inner - s.bytes;
    p->w_jump = 16 * (s.inner_step - s.bytes);
    if (s.inner == 0) {
        pie_rectangle_empty(at, p);
    } else if (c->dilated || (a->parts && *part_lengths(s.bias) > 0)) {
        rectangle_of_segments(j, &s, at, p, step);
    } else if (s.inner == 3 && s.bytes == 48 && p->w_jump == 0) {
        p->jump += 16;
        p->next += 16;
        if (at.other != NULL) {
            pie_rectangle_3x3_sum(at, p);
        } else {
            pie_rectangle_3x3(at, p);
        }
    } else if (at.other != NULL) {
        pie_rectangle_any_sum(at, p);
    } else if (s.inner == 3 && p->w_jump == 0) {
        pie_rectangle_3_rows(at, p);
    } else {
        pie_rectangle_any(at, p);
    }
}
