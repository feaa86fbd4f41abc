/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions of scheme affine: rows of outputs as sums, which then are requantised.
 *
 * The input's zero point is in the biases. Taps outside the image are left out, so that pixels with such taps have biases
 * of their own.
 */
#pragma once

#include "pie_rectangle.h"
#include "requantise.h"
#include "windows.h"

/** A convolution; strides in bytes. `pixels` neighbours count as one pixel with that many times the channels. */
typedef struct {
    const espdl_s3_affine_conv2d_params_t *p;
    axis_t rows, columns;
    int32_t row_bytes, pixel_bytes; /**< of the input */
    int32_t outputs;                /**< channels of the output */
    int32_t asides;                 /**< vectors behind the sums of 16 channels */
    const int8_t *x, *biases, *numbers;
    int8_t *y, *sums;
    finish_t finish;
    scales_t scales;
} affine_t;

/** Neighbours in a row of outputs, 16 channels each, that use the same taps. */
typedef struct {
    const int8_t *x;      /**< first byte of the first tap inside the image */
    const int8_t *bias;
    int8_t *sums;
    int32_t step;         /**< from sums to sums */
    int32_t count, group;
    taps_t rows, columns; /**< the taps inside the image */
} affine_run_t;

/** Leaves the sums of a run, each with `asides` vectors behind it. */
typedef void (*affine_kernel_t)(const affine_t *a, const affine_run_t *run, const void *context);

/** Parts of a whole window's sum but the last. */
static inline int32_t asides_of(const espdl_s3_affine_conv2d_params_t *p)
{
    const int32_t vectors = (p->kernel_height * p->kernel_width * p->input_channels + 15) / 16;
    return p->part > 0 ? (vectors + p->part - 1) / p->part - 1 : 0;
}

static inline affine_t make_affine(const espdl_s3_affine_conv2d_params_t *p, int32_t asides, const int8_t *x,
                                   const int8_t *biases, const int8_t *numbers, int8_t *y, int8_t *scratch)
{
    affine_t a;
    a.p = p;
    a.rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                       p->output_height);
    a.columns = make_axis(p->input_width, p->pad_left, p->stride_width * p->pixels, p->dilation_width,
                          p->kernel_width + (p->pixels - 1) * p->stride_width, p->output_width / p->pixels);
    a.pixel_bytes = p->input_channels;
    a.row_bytes = p->input_width * p->input_channels;
    a.outputs = p->output_channels * p->pixels;
    a.asides = asides;
    a.x = x;
    a.biases = biases;
    a.numbers = numbers;
    a.y = y;
    a.sums = scratch;
    a.finish = make_finish(0, p->activation_min, p->activation_max);
    a.finish.clamps = p->activation_min != INT8_MIN || p->activation_max != INT8_MAX;
    a.scales = espdl_s3_make_scales(&p->scale);
    return a;
}

/** Which of an axis' biases are those of windows with the taps `t` inside: 0 of all, 1 .. `before`, then the others. */
static inline int32_t outside(const axis_t *axis, taps_t t, int32_t before)
{
    const int32_t after = axis->taps - t.first - t.count;
    return t.first > 0 ? t.first : after > 0 ? before + after : 0;
}

/** For a block that leaves the sums of `count` pixels. */
static inline void set_row(pie_rectangle_t *p, int32_t count)
{
    p->rows = 1;
    p->columns = count;
    p->x_next = p->y_next = 0;
}

/** The sums of a run without a tap, which are the biases. */
static inline void store_empty_sums(const affine_run_t *r)
{
    int8_t *sums = r->sums;
    for (int32_t count = r->count; count > 0; count--) {
        pie_load_bias(r->bias);
        sums = store_sums(sums);
    }
}

/** Outputs of one group, of whose `count` pixels the sums lie at `sums`. */
EE void affine_outputs(const affine_t *a, int8_t *sums, int32_t group, int8_t *y, int32_t count, int32_t y_step)
{
    const int32_t lanes = a->outputs - group * 16;
    const bool partial = a->outputs % 16 != 0;
    const sums_t s = {sums, a->asides, SUM_BYTES + 16 * a->asides, partial ? sums : y, partial ? 16 : y_step, count};
    espdl_s3_requantise(&a->scales, &s, a->numbers + group * SCALE_BYTES(&a->scales));
    if (partial) {
        scatter(sums, y, count, lanes < 16 ? lanes : 16, y_step);
    }
}

EE void affine_row(const affine_t *a, int32_t group, int32_t row, affine_kernel_t kernel, const void *context)
{
    const espdl_s3_affine_conv2d_params_t *p = a->p;
    const int32_t across = 1 + p->outside_left + p->outside_right, down = 1 + p->outside_top + p->outside_bottom;
    const int32_t pitch = a->columns.windows * a->outputs;
    affine_run_t r = {.group = group, .sums = a->sums, .step = SUM_BYTES + 16 * a->asides};
    r.rows = taps_inside(&a->rows, row);
    const int8_t *from = a->x + (window_start(&a->rows, row) + r.rows.first * a->rows.dilation) * a->row_bytes;
    const int32_t bias_row = (group * down + outside(&a->rows, r.rows, p->outside_top)) * across;
    for (int32_t column = 0; column < a->columns.windows; column += r.count) {
        const run_t run = next_run(&a->columns, column);
        const int32_t first = window_start(&a->columns, column) + run.taps.first * a->columns.dilation;
        r.count = run.count;
        r.columns = run.taps;
        r.x = from + first * a->pixel_bytes;
        r.bias = a->biases + (bias_row + outside(&a->columns, run.taps, p->outside_left)) * BIAS_BYTES;
        kernel(a, &r, context);
        r.sums += run.count * r.step;
    }
    affine_outputs(a, a->sums, group, a->y + row * pitch + group * 16, a->columns.windows, a->outputs);
}

/** The whole convolution: groups outside, so that the weights of one group stay in the cache. */
EE void affine_run(const affine_t *a, affine_kernel_t kernel, const void *context)
{
    for (int32_t group = 0; group * 16 < a->outputs; group++) {
        for (int32_t row = 0; row < a->rows.windows; row++) {
            affine_row(a, group, row, kernel, context);
        }
    }
    clamp_output(&a->finish, a->y, a->rows.windows * a->columns.windows * a->outputs);
}
