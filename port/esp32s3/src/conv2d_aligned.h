/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolution whose input channels are a multiple of 16, alone or with a sum behind it.
 */
#pragma once

#include "conv2d_segments.h"
#include "pie_loops.h"
#include "sum.h"

/** Constants that lanes of q7 hold while a convolution runs. Lane 0: see pie_add_multiples(). */
enum { LANE_A = 1, LANE_B = 2 };

/** A tensor of the output's shape that is added to it: q3 is the convolution's result. */
typedef struct {
    const int8_t *from;
    finish_t finish;
    _Alignas(16) int8_t start[BIAS_BYTES];
} residual_t;

/**
 * Sums in parts, so that no part leaves 20 bits: its multiples of 2^shift are set aside, the next part begins with the rest.
 * q4 and q5 mask the rest: the lowest `shift` bits of every lane, as its first 16 bytes and its last ones lie in QACC.
 */
typedef struct {
    int32_t parts; /**< 1: whole sums */
    int32_t shift; /**< at least 12, so that no part has more than int8 multiples, and at least the requantisation's */
    bool rows;     /**< a part is a kernel row; else a part of the channels */
} parts_t;

/** Where the parts of one sum go; the last vector is read ahead, and means nothing. */
typedef struct {
    _Alignas(16) int8_t vectors[16 * ESPDL_S3_MOST_PARTS];
    _Alignas(16) int8_t spill[BIAS_BYTES];
} aside_t;

typedef struct {
    segment_constants_t segments;
    parts_t parts;
    residual_t residual;
} aligned_t;

/** Of all parts but the last one, when `bytes` of channels are parted. */
static inline int32_t part_bytes(int32_t bytes, int32_t parts)
{
    return (bytes / 16 + parts - 1) / parts * 16;
}

/** Fills q4 and q5 with the masks, and q7 with the factor that brings multiples to the output's unit. */
static inline parts_t load_parts(int32_t count, int32_t shift, bool rows)
{
    const parts_t parts = {count, shift > 12 ? shift : 12, rows};
    if (count > 1) {
        _Alignas(16) int8_t rest[BIAS_BYTES];
        const int8_t factor = (int8_t)(1 << (parts.shift - shift));
        fill_lanes(rest, (1 << parts.shift) - 1);
        ee_vld_128_ip(4, rest, 0);
        ee_vld_128_ip(5, rest + 32, 0);
        ee_vldbc_8_ip(7, &factor, 0);
    }
    return parts;
}

/** Fills `a`, and q4, q5, q7; `sum`: NULL, or what is computed with the result. */
static inline void load_aligned(aligned_t *a, const espdl_s3_conv2d_params_t *p, const sum_t *sum)
{
    a->parts = load_parts(p->parts, p->shift, p->kernel_height > 1);
    if (sum != NULL) {
        const int8_t factor = (int8_t)(1 << (a->parts.shift - p->shift));
        _Alignas(16) const int8_t lanes[16] = {factor, (int8_t)sum->a_factor, (int8_t)sum->b_factor};
        ee_vld_128_ip(7, lanes, 0);
        fill_lanes(a->residual.start, sum->start);
        a->residual.finish = sum->finish;
    }
}

/* q3 = the sum of q3 and the 16 bytes at `other`, which moves on. */
EE const int8_t *add_residual(const residual_t *residual, const int8_t *other, int32_t step)
{
    other = ee_vld_128_xp(6, other, step);
    pie_load_bias(residual->start);
    ee_vsmulas_s8_qacc(3, 7, LANE_A);
    ee_vsmulas_s8_qacc(6, 7, LANE_B);
    finish_vector(3, &residual->finish);
    return other;
}

/* All taps inside: the weights are one stream through all rows. */
EE void inner_pixels(const conv_job_t *j, const conv_run_t *r, const segments_t *s, const residual_t *residual)
{
    const finish_t finish = j->finish;
    const int8_t *const weights = s->weights, *const bias = s->bias;
    const int8_t *x = r->x, *other = residual != NULL ? residual->from + (r->y - j->y) : NULL;
    int8_t *y = r->y;
    const int32_t step = j->columns.stride * j->pixel_bytes, y_step = r->y_step;
    const int32_t rows = s->inner, more = s->bytes / 16 - 1, jump = s->x_inner - s->bytes;
    for (int32_t count = r->count; count > 0; count--) {
        const int8_t *w = weights, *from = x;
        w = ee_vld_128_ip(1, w, 16);
        w = ee_vld_128_ip(2, w, 16);
        pie_load_bias(bias);
        for (int32_t row = rows; row > 0; row--) {
            pie_mac_vectors(&w, &from, more);
            from += jump;
        }
        finish_vector(3, &finish);
        if (residual != NULL) {
            other = add_residual(residual, other, y_step);
        }
        y = ee_vst_128_xp(3, y, y_step);
        x += step;
    }
}

/* Loads q from `p`, which the compiler then need not copy. */
EE int8_t *load_in_place(int q, int8_t *p)
{
    return p + (ee_vld_128_ip(q, p, 0) - p);
}

/* Stores what QACC holds in multiples of 2^shift at `to`; QACC keeps the rest. Changes q0, q6. */
EE int8_t *set_aside(const parts_t *parts, int8_t *to, int8_t *spill)
{
    int8_t *p = ee_st_qacc_l_l_128_ip(spill, 16);
    p = ee_st_qacc_h_l_128_ip(p, 16);
    p = ee_st_qacc_l_h_32_ip(p, 4);
    p = ee_st_qacc_h_h_32_ip(p, -36);
    ee_srcmb_s8_qacc(6, parts->shift);
    to = ee_vst_128_ip(6, to, 16);
    p = load_in_place(0, p);
    ee_andq(0, 0, 4);
    p = ee_vst_128_ip(0, p, 16);
    p = load_in_place(6, p);
    ee_andq(6, 6, 4);
    p = ee_vst_128_ip(6, p, 16);
    p = load_in_place(0, p);
    ee_andq(0, 0, 5);
    p = ee_vst_128_ip(0, p, -32);
    pie_load_bias(p);
    return to;
}

/* q3 = the last part, in QACC, and the `asides` parts before it. Changes q0. */
EE void finish_parts(const aside_t *aside, int32_t asides, const finish_t *f)
{
    ee_srcmb_s8_qacc(3, f->shift);
    pie_add_multiples(aside->vectors, asides);
    ee_srcmb_s8_qacc(3, 0);
    ee_vrelu_s8(3, f->negative, 0);
}

/* Some taps in the border, or dilated, or sums in parts: every segment begins at a place of its own in the weights. */
EE void other_pixels(const conv_job_t *j, const conv_run_t *r, const segments_t *s, const parts_t *parts,
                     const residual_t *residual)
{
    aside_t aside;
    const int8_t *x = r->x, *other = residual != NULL ? residual->from + (r->y - j->y) : NULL;
    int8_t *y = r->y;
    for (int32_t count = r->count; count > 0; count--) {
        int8_t *to = aside.vectors;
        pie_load_bias(s->bias);
        for (int32_t outer = 0; outer < s->outer; outer++) {
            for (int32_t inner = 0; inner < s->inner; inner++) {
                const int8_t *w = s->weights + outer * s->w_outer + inner * s->w_inner;
                const int8_t *from = x + outer * s->x_outer + inner * s->x_inner;
                w = ee_vld_128_ip(1, w, 16);
                w = ee_vld_128_ip(2, w, 16);
                pie_mac_vectors(&w, &from, (inner < s->inner - 1 ? s->bytes : s->last_bytes) / 16 - 1);
                if (parts->parts > 1 && inner < s->inner - 1) {
                    to = set_aside(parts, to, aside.spill);
                }
            }
        }
        if (parts->parts > 1) {
            finish_parts(&aside, s->inner - 1, &j->finish);
        } else {
            finish_vector(3, &j->finish);
        }
        if (residual != NULL) {
            other = add_residual(residual, other, r->y_step);
        }
        y = ee_vst_128_xp(3, y, r->y_step);
        x += j->columns.stride * j->pixel_bytes;
    }
}

/** One run of pixels; `residual`: NULL, or what is added to them. */
EE void aligned_pixels(const conv_job_t *j, const conv_run_t *r, const aligned_t *a, const residual_t *residual)
{
    const segment_constants_t *c = &a->segments;
    segments_t s = make_segments(j, r, c);
    if (a->parts.parts > 1 && !a->parts.rows && s.inner > 0) {
        const int32_t all = s.bytes;
        s.inner = a->parts.parts;
        s.bytes = part_bytes(all, s.inner);
        s.last_bytes = all - (s.inner - 1) * s.bytes;
        s.x_inner = s.bytes;
        s.w_inner = s.bytes * 16;
    }
    if (a->parts.parts == 1 && !c->dilated && r->columns.count == c->kernel_width) {
        inner_pixels(j, r, &s, residual);
    } else {
        other_pixels(j, r, &s, &a->parts, residual);
    }
}
