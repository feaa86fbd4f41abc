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

/** Constants of a kernel that reads segments; weights [group][outer][inner][bytes of a segment][16]. */
typedef struct {
    const int8_t *weights, *biases;
    bool dilated; /**< outer: kernel columns, inner: kernel rows. Else outer: 1, inner: kernel rows with all their columns */
    int32_t kernel_height, kernel_width;
} segment_constants_t;

/** The segments of a window that lie in the image; all in bytes of the input, of which each has 16 weights. */
typedef struct {
    const int8_t *weights, *bias;  /**< of the group */
    int32_t outer, inner;
    int32_t bytes;                 /**< of a segment */
    int32_t x_outer, x_inner;      /**< between segments in the input */
    int32_t first, outer_step, inner_step; /**< among the weights: the first segment; between them */
    int32_t row;                   /**< of a segment that lies in the image as a whole */
} segments_t;

/** Neighbouring bytes of a window. */
typedef struct {
    int32_t bytes, x, place; /**< how many; from the window's first byte on; among the weights */
    int32_t then;            /**< 0: the next piece; 1: a part of the sum ends, and others follow; -1: the window ends */
} piece_t;

static inline segment_constants_t make_segment_constants(const espdl_s3_conv2d_params_t *p, const int8_t *weights,
                                                         const int8_t *biases)
{
    return (segment_constants_t){weights, biases, p->dilation_width != 1 && p->kernel_width != 1, p->kernel_height,
                                 p->kernel_width};
}

static inline segments_t make_segments(const conv_job_t *j, const conv_run_t *r, const segment_constants_t *c)
{
    const int32_t tap = j->pixel_bytes;
    segments_t s;
    s.weights = c->weights + r->group * c->kernel_height * c->kernel_width * tap * 16;
    s.bias = c->biases + r->group * BIAS_BYTES;
    s.inner = r->taps_across.count > 0 ? r->taps_down.count : 0;
    s.x_inner = j->rows.dilation * j->row_bytes;
    s.x_outer = j->columns.dilation * tap;
    s.outer = c->dilated ? r->taps_across.count : 1;
    s.row = c->dilated ? tap : c->kernel_width * tap;
    s.bytes = c->dilated ? tap : r->taps_across.count * tap;
    s.inner_step = s.row;
    s.outer_step = c->kernel_height * tap;
    s.first = r->taps_down.first * s.row + r->taps_across.first * (c->dilated ? s.outer_step : tap);
    return s;
}

/** Where the part ends that has `vectors` vectors of whole segments in front of its end. */
static inline int32_t part_end(const segments_t *s, int32_t vectors)
{
    if (s->row % 16 == 0) {
        return 16 * vectors;
    }
    const int32_t in_row = (s->row + 15) / 16;
    return vectors / in_row * s->row + vectors % in_row * 16;
}

/** Vectors of each part of a group's sums but the last, then 0; behind the group's packed biases. */
static inline const uint8_t *part_lengths(const int8_t *bias)
{
    return (const uint8_t *)bias + BIAS_BYTES - ESPDL_S3_MOST_PARTS;
}

/** Lists the pieces of a window of at least one tap; how many parts end before the last. */
static KEEP_APART int32_t list_pieces(piece_t *to, const segments_t *s)
{
    const uint8_t *lengths = part_lengths(s->bias);
    piece_t *const begin = to;
    int32_t asides = 0, vectors = *lengths, end = vectors > 0 ? part_end(s, vectors) : INT32_MAX;
    for (int32_t outer = 0; outer < s->outer; outer++) {
        for (int32_t inner = 0; inner < s->inner; inner++) {
            int32_t place = s->first + outer * s->outer_step + inner * s->inner_step;
            int32_t x = outer * s->x_outer + inner * s->x_inner;
            for (int32_t left = s->bytes; left > 0; to++) {
                while (place >= end) {
                    vectors += *++lengths;
                    end = *lengths > 0 ? part_end(s, vectors) : INT32_MAX;
                    if (to > begin && to[-1].then == 0) {
                        to[-1].then = 1;
                        asides++;
                    }
                }
                const int32_t bytes = left < end - place ? left : end - place;
                *to = (piece_t){bytes, x, place, 0};
                x += bytes;
                place += bytes;
                left -= bytes;
            }
        }
    }
    to[-1].then = -1;
    return asides;
}
