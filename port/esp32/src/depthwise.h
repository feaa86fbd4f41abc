/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Depthwise convolutions, four channels at a time. Each kernel includes this once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "espdl/kernels/conv2d.h"
#include "mac16.h"
#include "scale.h"
#include "widen.h"

enum { WIDTH = 4, BEGINNINGS = 2, TAPS_3X3 = 9 };

/*
 * Four channels are two strips of words: bytes become those of channels 0 and 2, and of 1 and 3; 16 bits those of 0 and 1, and
 * of 2 and 3. A strip has columns of the image one behind the other
 * and of each the rows of the kernel, as in strips.h. With dilation_height 1 row r of the image has its place r modulo the
 * rows of the kernel, so that it stays where it is for the next row of outputs, and the weights turn instead.
 */
typedef struct {
    const espdl_conv2d_params_t *p;
    espdl_clamp_t clamp;
    bool shares;              /* windows share columns */
    bool wide;                /* values of 16 bits */
    bool words;               /* pixels are whole words */
    int32_t second, strip_channel; /* from the low channel of a strip to its high one, and to the next strip's */
    bool stays;               /* rows stay in their places */
    int32_t taps;
    int32_t window_words;     /* from the window of one output to the next */
    int32_t strip_words;
    uint32_t border;
    int32_t turns;            /* of weights: places that the first row of a window may have */
    uint32_t *turned;         /* [turns][2]: [taps] weights as the rows lie, then where two sums begin */
    int32_t *sums;            /* [output_width][2] */
    uint32_t *strips;         /* [2][strip_words], then a word that is read */
} depthwise_t;

/* The outputs of a row of one channel, from every other one of `sums`; `y` at the first. */
typedef void (*scale_row_t)(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, void *y);

static inline int32_t columns_of(const espdl_conv2d_params_t *p, bool shares)
{
    return shares ? (p->output_width - 1) * p->stride_width + p->kernel_width : p->output_width * p->kernel_width;
}

/* Four values at `x`, of which `count` are there, as two words; bytes as 0 .. 255. */
static inline void widen_pixel(const depthwise_t *d, uint32_t *to, const void *x, int32_t count)
{
    if (d->wide) {
        const uint16_t *value = x;
        to[0] = d->words ? load_word(value) : value[0] | (count > 1 ? (uint32_t)value[1] << 16 : 0);
        if (d->words && count > 2) {
            to[d->strip_words] = load_word(value + 2);
        } else {
            to[d->strip_words] = (count > 2 ? value[2] : 0) | (count > 3 ? (uint32_t)value[3] << 16 : 0);
        }
        return;
    }
    const uint8_t *value = x;
    uint32_t word;
    if (d->words) {
        word = load_word(value);
    } else {
        word = value[0];
        word |= count > 1 ? (uint32_t)value[1] << 8 : 0;
        word |= count > 2 ? (uint32_t)value[2] << 16 : 0;
        word |= count > 3 ? (uint32_t)value[3] << 24 : 0;
    }
    word ^= WIDEN_FLIP;
    to[0] = word & WIDEN_MASK;
    to[d->strip_words] = (word >> 8) & WIDEN_MASK;
}

/* One row of the image, or of the border, in `count` columns of the strips from `column` of the image on. */
static KEEP_APART void fill_row(const depthwise_t *d, uint32_t *to, const int8_t *row, int32_t column, int32_t count,
                                int32_t step, int32_t channels)
{
    const int32_t pitch = d->p->input_channels << d->wide, height = d->p->kernel_height, width = d->p->input_width;
    for (; count > 0 && (row == NULL || column < 0); count--, column += step, to += height) {
        to[0] = to[d->strip_words] = d->border;
    }
    if (count == 0) {
        return;
    }
    const int8_t *x = row + column * pitch;
    for (; count > 0 && column < width; count--, column += step, x += step * pitch, to += height) {
        widen_pixel(d, to, x, channels);
    }
    for (; count > 0; count--, to += height) {
        to[0] = to[d->strip_words] = d->border;
    }
}

/* The rows of the windows that begin at row `top`, of those before `filled` only where they do not stay. */
static void fill_rows(const depthwise_t *d, const int8_t *x, int32_t top, int32_t filled, int32_t channels)
{
    const espdl_conv2d_params_t *p = d->p;
    for (int32_t ky = 0, row = top; ky < p->kernel_height; ky++, row += p->dilation_height) {
        if (d->stays && row < filled) {
            continue;
        }
        const int8_t *from = row >= 0 && row < p->input_height ? x + row * p->input_width * (p->input_channels << d->wide) : NULL;
        uint32_t *to = d->strips + (d->stays ? (row + p->pad_top) % p->kernel_height : ky);
        if (d->shares) {
            fill_row(d, to, from, -p->pad_left, columns_of(p, true), 1, channels);
            continue;
        }
        for (int32_t i = 0; i < p->output_width; i++, to += d->taps) {
            fill_row(d, to, from, i * p->stride_width - p->pad_left, p->kernel_width, p->dilation_width, channels);
        }
    }
}

/* The weights of four channels, for each place that the first row of the windows may have. */
static KEEP_APART void turn_weights(const depthwise_t *d, const int8_t *weights, const espdl_fast_channel_t *channels,
                                    int32_t count)
{
    const int32_t height = d->p->kernel_height, strip = d->taps + BEGINNINGS;
    uint32_t *to = d->turned;
    for (int32_t first = 0; first < d->turns; first++, to += 2 * strip) {
        const int8_t *from = weights;
        for (int32_t begin = 0; begin < d->taps; begin += height) {
            int32_t place = begin + first;
            for (int32_t ky = 0; ky < height; ky++, from += WIDTH) {
                const uint32_t word = load_word(from);
                to[place] = (word & WIDEN_MASK) - WIDEN_WEIGHT;
                to[strip + place] = ((word >> 8) & WIDEN_MASK) - WIDEN_WEIGHT;
                place = place + 1 == begin + height ? begin : place + 1;
            }
        }
        for (int32_t i = 0; i < WIDTH; i++) {
            const int32_t in_strip = i / d->strip_channel % 2, is_high = i / d->second % 2;
            to[in_strip * strip + d->taps + is_high] = i < count ? (uint32_t)channels[i].bias : 0;
        }
    }
}

/* The sums of a row for both channels of a strip. */
static KEEP_APART void sum_row(const depthwise_t *d, const uint32_t *strip, const uint32_t *weights)
{
    const int16_t *x = (const int16_t *)(const void *)(strip - 1);
    const int32_t *turned = (const int32_t *)(const void *)weights;
    if (d->p->kernel_height == 3 && d->taps == TAPS_3X3 && d->window_words == 3) {
        mac16_windows_3x3(x, 12, turned, d->p->output_width, d->sums);
    } else if (d->p->kernel_height == 3 && d->taps == TAPS_3X3 && d->window_words == 6) {
        mac16_windows_3x3(x, 24, turned, d->p->output_width, d->sums);
    } else {
        const int16_t *w = (const int16_t *)(const void *)(turned - 1);
        int32_t *sums = d->sums;
        for (int32_t left = d->p->output_width; left > 0; left--, x += 2 * d->window_words) {
            *sums++ = mac16_dot_low(x, w, d->taps, turned[d->taps]);
            *sums++ = mac16_dot_high(x, w, d->taps, turned[d->taps + 1]);
        }
    }
}

/* One row of up to four channels, with their weights. */
static void run_row(const depthwise_t *d, const espdl_fast_channel_t *channels, int32_t count, const uint32_t *weights,
                    scale_row_t scale, int8_t *y)
{
    for (int32_t strip = 0; strip < 2; strip++, weights += d->taps + BEGINNINGS) {
        const int32_t low = strip * d->strip_channel, high = low + d->second;
        if (low >= count) {
            return;
        }
        sum_row(d, d->strips + strip * d->strip_words, weights);
        scale(d, d->sums, &channels[low], y + (low << d->wide));
        if (high < count) {
            scale(d, d->sums + 1, &channels[high], y + (high << d->wide));
        }
    }
}

static inline depthwise_t make_depthwise(const espdl_conv2d_params_t *p, bool wide, void *scratch)
{
    depthwise_t d = {.p = p, .taps = p->kernel_height * p->kernel_width};
    d.clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    d.shares = p->dilation_width == 1 && p->kernel_width > p->stride_width;
    d.wide = wide;
    d.words = (p->input_channels & (wide ? 1 : 3)) == 0;
    d.second = wide ? 1 : 2;
    d.strip_channel = wide ? 2 : 1;
    d.stays = p->dilation_height == 1;
    d.window_words = (d.shares ? p->stride_width : p->kernel_width) * p->kernel_height;
    d.strip_words = columns_of(p, d.shares) * p->kernel_height;
    d.border = wide ? 0 : (uint32_t)(p->input_zero_point + 128) * 0x00010001u;
    d.turns = d.stays ? p->kernel_height : 1;
    d.turned = scratch;
    d.sums = (int32_t *)(void *)(d.turned + d.turns * 2 * (d.taps + BEGINNINGS));
    d.strips = (uint32_t *)(void *)(d.sums + 2 * p->output_width);
    return d;
}

/** The whole layer; `wide`: of 16 bits. Arguments as those of espdl_mac16_depthwise_s8. */
static inline void run_depthwise(const espdl_conv2d_params_t *p, bool wide, const int8_t *x, const int8_t *weights,
                                 const espdl_fast_channel_t *channels, const scale_row_t scales[2], int8_t *y,
                                 void *scratch)
{
    const depthwise_t d = make_depthwise(p, wide, scratch);
    const int32_t row_bytes = p->output_width * p->output_channels << wide;
    for (int32_t channel = 0; channel < p->groups; channel += WIDTH, weights += WIDTH * d.taps) {
        const int32_t left = p->groups - channel, count = left < WIDTH ? left : WIDTH;
        turn_weights(&d, weights, &channels[channel], count);
        int8_t *to = y + (channel << wide);
        int32_t top = -p->pad_top, filled = top;
        for (int32_t row = 0; row < p->output_height; row++, top += p->stride_height, to += row_bytes) {
            fill_rows(&d, x + (channel << wide), top, filled, count);
            filled = top + p->kernel_height;
            const int32_t turn = d.stays ? (top + p->pad_top) % p->kernel_height : 0;
            run_row(&d, &channels[channel], count, d.turned + turn * 2 * (d.taps + BEGINNINGS),
                    scales[d.clamp.is_relu != 0], to);
        }
    }
}
