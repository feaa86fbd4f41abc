/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Winograd's convolution of 3x3 windows, stride 1, in integers: exact.
 *
 * Two rows of WIDTH outputs, a tile, are made of 4 x (WIDTH + 2) products per pair of channels in place of
 * 2 x WIDTH x 9. Who includes this says what WIDTH is, and has the transformations. The compiler transforms the
 * weights, times the denominator of the transformation; the sums of products, transformed back, are then outputs times
 * that denominator. Only they must fit 32 bits: on the way there words may wrap.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "espdl/kernels/conv2d_winograd.h"
#include "fast_scale.h"
#include "keep.h"

enum {
    TILES = 4,              /* side by side in the transformed inputs */
    CHANNELS = 4,           /* outputs computed at once */
    SUMS = TILES * CHANNELS,
    SPAN = WIDTH + 2,       /* pixels in a row of a tile's patch, of which there are 4 */
    POSITIONS = 4 * SPAN,
    OUTPUTS = 2 * WIDTH,    /* of a tile */
};

/** A tile on the way to memory: where each of its outputs goes, in order of rows. */
typedef int8_t *outputs_t[OUTPUTS];

/**
 * Transforms the patch of a tile: 4 rows of SPAN pixels, `pitch` bytes apart, of `channels` channels. Position i of
 * channel c goes to to[i * step + c * TILES].
 */
static void transform(const int8_t *const rows[4], int32_t pitch, int32_t channels, int16_t *to, int32_t step);

/**
 * Transforms the sums of a channel back, [POSITIONS][CHANNELS][TILES], and stores the outputs of all tiles at byte
 * `offset` of their places.
 */
ESPDL_INLINE void finish_channel(const uint32_t *sums, const espdl_fast_channel_t *channel, const espdl_clamp_t *clamp,
                                 const outputs_t tiles[TILES], int32_t offset);

/* A convolution at work: its scratch, and the tile that comes next. */
typedef struct {
    const espdl_conv2d_params_t *p;
    const int8_t *x;
    int8_t *y;
    uint32_t *sums;           /* [positions][CHANNELS][TILES] */
    int16_t *inputs;          /* [positions][input_channels][TILES], transformed */
    int8_t *patch;            /* [4][SPAN][input_channels] of a tile that reaches over the input; where sums will be */
    int32_t step;             /* values in `inputs` from one position to the next */
    int8_t *nowhere;          /* where outputs beyond the last row and column go: [output_channels] */
    int32_t height;           /* rows of the input that outputs are made of: there may be no others in memory */
    int32_t row, column;      /* of the next tile's first output */
} work_t;

/* Adds a channel's product with four tiles. */
ESPDL_INLINE void add_products(uint32_t *s0, uint32_t *s1, uint32_t *s2, uint32_t *s3, int32_t weight, int32_t a0,
                               int32_t a1, int32_t a2, int32_t a3)
{
    *s0 += (uint32_t)(weight * a0);
    ESPDL_KEEP(*s0);
    *s1 += (uint32_t)(weight * a1);
    ESPDL_KEEP(*s1);
    *s2 += (uint32_t)(weight * a2);
    ESPDL_KEEP(*s2);
    *s3 += (uint32_t)(weight * a3);
    ESPDL_KEEP(*s3);
}

/* The sums of four channels and four tiles at one position; returns the weights behind those it used. */
static const int16_t *sum_position(const int16_t *inputs, const int16_t *end, const int16_t *weights, uint32_t *sums)
{
    uint32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
    uint32_t s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
    do {
        const int32_t a0 = inputs[0], a1 = inputs[1], a2 = inputs[2], a3 = inputs[3];
        add_products(&s00, &s01, &s02, &s03, weights[0], a0, a1, a2, a3);
        add_products(&s10, &s11, &s12, &s13, weights[1], a0, a1, a2, a3);
        add_products(&s20, &s21, &s22, &s23, weights[2], a0, a1, a2, a3);
        add_products(&s30, &s31, &s32, &s33, weights[3], a0, a1, a2, a3);
        inputs += TILES;
        weights += CHANNELS;
    } while (inputs != end);
    sums[0] = s00, sums[1] = s01, sums[2] = s02, sums[3] = s03;
    sums[4] = s10, sums[5] = s11, sums[6] = s12, sums[7] = s13;
    sums[8] = s20, sums[9] = s21, sums[10] = s22, sums[11] = s23;
    sums[12] = s30, sums[13] = s31, sums[14] = s32, sums[15] = s33;
    return weights;
}

/* The sums of four channels and four tiles; returns the weights behind those it used. */
ESPDL_APART const int16_t *sum_positions(const work_t *work, const int16_t *weights)
{
    const int16_t *inputs = work->inputs;
    uint32_t *sums = work->sums, *const end = sums + POSITIONS * SUMS;
    for (; sums != end; sums += SUMS, inputs += work->step) {
        weights = sum_position(inputs, inputs + work->step, weights, sums);
    }
    return weights;
}

/* All output channels of the tiles whose inputs are transformed. */
static void run_channels(const work_t *work, const int16_t *weights, const espdl_fast_channel_t *channels,
                         const outputs_t outputs[TILES])
{
    const espdl_conv2d_params_t *p = work->p;
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    for (int32_t first = 0; first < p->output_channels; first += CHANNELS) {
        weights = sum_positions(work, weights);
        const uint32_t *sums = work->sums;
        for (int32_t i = first; i < first + CHANNELS && i < p->output_channels; i++, sums += TILES, channels++) {
            finish_channel(sums, channels, &clamp, outputs, i);
        }
    }
}

/* The patch of the next tile put together of what lies inside the input and of border. */
static void gather(const work_t *work, int32_t top, int32_t left)
{
    const espdl_conv2d_params_t *p = work->p;
    int8_t *to = work->patch;
    for (int32_t row = top; row < top + 4; row++) {
        for (int32_t column = left; column < left + SPAN; column++, to += p->input_channels) {
            if (row >= 0 && row < work->height && column >= 0 && column < p->input_width) {
                memcpy(to, work->x + (row * p->input_width + column) * p->input_pitch, (size_t)p->input_channels);
            } else {
                memset(to, p->input_zero_point, (size_t)p->input_channels);
            }
        }
    }
}

/* Transforms the inputs of the next tile. */
static void take_inputs(const work_t *work, int32_t index)
{
    const espdl_conv2d_params_t *p = work->p;
    const int32_t top = work->row - p->pad_top, left = work->column - p->pad_left;
    const int8_t *first = work->patch;
    int32_t pitch = p->input_channels, line = SPAN * pitch;
    if (top >= 0 && left >= 0 && top + 4 <= work->height && left + SPAN <= p->input_width) {
        pitch = p->input_pitch;
        line = p->input_width * pitch;
        first = work->x + top * line + left * pitch;
    } else {
        gather(work, top, left);
    }
    const int8_t *const rows[4] = {first, first + line, first + 2 * line, first + 3 * line};
    transform(rows, pitch, p->input_channels, work->inputs + index, work->step);
}

/* Where the outputs of the next tile go. */
static void take_outputs(const work_t *work, outputs_t outputs)
{
    const espdl_conv2d_params_t *p = work->p;
    for (int32_t i = 0; i < OUTPUTS; i++) {
        const int32_t row = work->row + i / WIDTH, column = work->column + i % WIDTH;
        const int is_inside = row < p->output_height && column < p->output_width;
        outputs[i] = is_inside ? work->y + (row * p->output_width + column) * p->output_pitch : work->nowhere;
    }
}

/* The convolution that is documented in espdl/kernels/conv2d_winograd.h. */
static void convolve(const espdl_conv2d_params_t *p, const int8_t *x, const int16_t *weights,
                     const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    work_t work = {.p = p, .x = x, .y = y, .inputs = scratch, .step = TILES * p->input_channels};
    work.sums = (uint32_t *)(work.inputs + POSITIONS * work.step);
    work.patch = (int8_t *)work.sums;
    work.nowhere = work.patch + POSITIONS * (4 * SUMS > p->input_channels ? 4 * SUMS : p->input_channels);
    work.height = p->output_height + 2 - p->pad_top;
    if (work.height > p->input_height) {
        work.height = p->input_height;
    }
    while (work.row < p->output_height) {
        outputs_t outputs[TILES];
        for (int32_t i = 0; i < TILES; i++) {
            /* Behind the last tile, what is there is taken and goes nowhere. */
            if (work.row < p->output_height) {
                take_inputs(&work, i);
            }
            take_outputs(&work, outputs[i]);
            work.column += WIDTH;
            if (work.column >= p->output_width) {
                work.column = 0;
                work.row += 2;
            }
        }
        run_channels(&work, weights, channels, outputs);
    }
}
