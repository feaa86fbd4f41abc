/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A window as segments, each of which is contiguous in memory: one per kernel row, or with dilation one per tap. Where
 * sums are in parts, segments end where parts do.
 */
#pragma once

#include "conv2d_job.h"
#include "pie_parts.h"
#include "sum.h"

/**
 * What a kernel that reads segments keeps; weights [group][outer][inner][bytes of a segment][16]. Outer: kernel
 * columns, inner: kernel rows where `dilated`; else outer: 1, inner: kernel rows with all their columns. All in bytes
 * of the input, of which each has 16 weights.
 */
typedef struct {
    pie_rectangle_t rectangle;
    _Alignas(16) int8_t masks[BIAS_BYTES];
    const int8_t *mask, *mask_tail; /**< of q4 and q5, see pie_parts.h */
    const int8_t *weights;
    int32_t group;                  /**< of the input's bytes: how many have weights in a group */
    int32_t row;                    /**< of a segment that lies in the image as a whole */
    int32_t column;                 /**< from a kernel column to the next among the weights */
    int32_t x_inner, x_outer;       /**< between segments in the input */
    int32_t step;                   /**< from window to window in the input */
    bool dilated;
    int32_t most_asides;            /**< parts of any sum but the last */
    const int8_t *other;            /**< of the first output, see pie_places_t */
    int8_t *aside;                  /**< room for what is set aside of a sum, but in front of the sum with PIE_SUMS */
    pie_segment_t *list;            /**< room for the segments of a window */
} segmented_t;

/** The segments of a window that lie in the image. */
typedef struct {
    const int8_t *weights; /**< of the first */
    int32_t outer, inner;
    int32_t bytes;         /**< of a segment */
    int32_t first;         /**< the first's place among the weights of the group */
} segments_t;

/** For outputs; `sum`: NULL, or what is computed with them and `other`. Loads q6 and q7. */
void espdl_s3_make_segmented(segmented_t *c, const conv_job_t *j, const espdl_s3_conv2d_params_t *p,
                             const int8_t *weights, const sum_t *sum, const int8_t *other);

/** Lists the segments of windows of at least one tap at `c->list`; how many parts end before the last. */
int32_t espdl_s3_list_segments(const segmented_t *c, const segments_t *s, const uint8_t *lengths);

/** Outputs or sums of whole vectors of input channels. */
void espdl_s3_aligned_pixels(const conv_job_t *j, const conv_run_t *r, void *segmented);

/** The same of input at any address. */
void espdl_s3_bytes_pixels(const conv_job_t *j, const conv_run_t *r, void *segmented);

static inline void set_kernel(segmented_t *c, const conv_job_t *j, const int8_t *weights, int32_t height, int32_t width)
{
    const int32_t tap = j->pixel_bytes;
    c->weights = weights;
    c->dilated = j->columns.dilation != 1 && width != 1;
    c->group = height * width * tap;
    c->row = c->dilated ? tap : width * tap;
    c->column = c->dilated ? height * tap : tap;
    c->x_inner = j->rows.dilation * j->row_bytes;
    c->x_outer = j->columns.dilation * tap;
    c->step = j->columns.stride * tap;
}

static inline segments_t make_segments(const conv_job_t *j, const conv_run_t *r, const segmented_t *c)
{
    segments_t s;
    s.inner = r->taps_across.count > 0 ? r->taps_down.count : 0;
    s.outer = c->dilated ? r->taps_across.count : 1;
    s.bytes = c->dilated ? c->row : r->taps_across.count * j->pixel_bytes;
    s.first = r->taps_down.first * c->row + r->taps_across.first * c->column;
    s.weights = c->weights + 16 * (r->group * c->group + s.first);
    return s;
}

static inline const uint8_t *lengths_of(const conv_job_t *j, const conv_run_t *r)
{
    return j->lengths + r->group * j->lengths_step;
}

/** The parts of a sum that are set aside: with PIE_SUMS what is missing to the most. */
static inline void set_asides(segmented_t *c, int32_t asides)
{
    c->rectangle.asides = c->other == PIE_SUMS ? c->most_asides - asides : asides;
}
