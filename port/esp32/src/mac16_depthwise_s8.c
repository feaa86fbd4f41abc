/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/depthwise.h"

#include <stdbool.h>
#include <stddef.h>

#include "mac16.h"
#include "scale.h"
#include "widen.h"

enum { WIDTH = 4, BEGINNINGS = 2, TAPS_3X3 = 9 };

/*
 * Four channels are two strips of words: channels 0 and 2, then 1 and 3. A strip has columns of the image one behind the other
 * and of each the rows of the kernel, as in strips.h. With dilation_height 1 row r of the image has its place r modulo the
 * rows of the kernel, so that it stays where it is for the next row of outputs, and the weights turn instead.
 */
typedef struct {
    const espdl_conv2d_params_t *p;
    espdl_clamp_t clamp;
    bool shares;              /* windows share columns */
    bool words;               /* pixels are whole words */
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

static inline int32_t columns_of(const espdl_conv2d_params_t *p, bool shares)
{
    return shares ? (p->output_width - 1) * p->stride_width + p->kernel_width : p->output_width * p->kernel_width;
}

/* Four bytes at `x`, of which `count` are there, as two words of values from 0 to 255. */
static inline void widen_pixel(const depthwise_t *d, uint32_t *to, const int8_t *x, int32_t count)
{
    uint32_t word;
    if (d->words) {
        word = load_word(x);
    } else {
        word = (uint8_t)x[0];
        word |= count > 1 ? (uint32_t)(uint8_t)x[1] << 8 : 0;
        word |= count > 2 ? (uint32_t)(uint8_t)x[2] << 16 : 0;
        word |= count > 3 ? (uint32_t)(uint8_t)x[3] << 24 : 0;
    }
    word ^= WIDEN_FLIP;
    to[0] = word & WIDEN_MASK;
    to[d->strip_words] = (word >> 8) & WIDEN_MASK;
}

/* One row of the image, or of the border, in `count` columns of the strips from `column` of the image on. */
static KEEP_APART void fill_row(const depthwise_t *d, uint32_t *to, const int8_t *row, int32_t column, int32_t count,
                                int32_t step, int32_t channels)
{
    const int32_t pitch = d->p->input_channels, height = d->p->kernel_height, width = d->p->input_width;
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
        const int8_t *from = row >= 0 && row < p->input_height ? x + row * p->input_width * p->input_channels : NULL;
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
        to[d->taps] = (uint32_t)channels[0].bias;
        to[d->taps + 1] = count > 2 ? (uint32_t)channels[2].bias : 0;
        to[strip + d->taps] = count > 1 ? (uint32_t)channels[1].bias : 0;
        to[strip + d->taps + 1] = count > 3 ? (uint32_t)channels[3].bias : 0;
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

ESPDL_INLINE void scale_channel(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, int8_t *y,
                                int32_t relu)
{
    const espdl_clamp_t clamp = d->clamp;
    const int32_t pitch = d->p->output_channels;
    channel_scale_t scale = channel_scale(channel);
    for (const int32_t *end = sums + 2 * d->p->output_width; sums != end; sums += 2, y += pitch) {
        *y = (int8_t)scale_sum(*sums, &scale, &clamp, relu);
    }
}

static KEEP_APART void scale_relu(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, int8_t *y)
{
    scale_channel(d, sums, channel, y, 1);
}

static KEEP_APART void scale_any(const depthwise_t *d, const int32_t *sums, const espdl_fast_channel_t *channel, int8_t *y)
{
    scale_channel(d, sums, channel, y, 0);
}

/* One row of up to four channels, with their weights. */
static void run_row(const depthwise_t *d, const espdl_fast_channel_t *channels, int32_t count, const uint32_t *weights,
                    int8_t *y)
{
    for (int32_t low = 0; low < 2 && low < count; low++, weights += d->taps + BEGINNINGS) {
        const int32_t high = low + 2;
        sum_row(d, d->strips + low * d->strip_words, weights);
        (d->clamp.is_relu ? scale_relu : scale_any)(d, d->sums, &channels[low], y + low);
        if (high < count) {
            (d->clamp.is_relu ? scale_relu : scale_any)(d, d->sums + 1, &channels[high], y + high);
        }
    }
}

static depthwise_t make_depthwise(const espdl_conv2d_params_t *p, void *scratch)
{
    depthwise_t d = {.p = p, .taps = p->kernel_height * p->kernel_width};
    d.clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    d.shares = p->dilation_width == 1 && p->kernel_width > p->stride_width;
    d.words = (p->input_channels & 3) == 0;
    d.stays = p->dilation_height == 1;
    d.window_words = (d.shares ? p->stride_width : p->kernel_width) * p->kernel_height;
    d.strip_words = columns_of(p, d.shares) * p->kernel_height;
    d.border = (uint32_t)(p->input_zero_point + 128) * 0x00010001u;
    d.turns = d.stays ? p->kernel_height : 1;
    d.turned = scratch;
    d.sums = (int32_t *)(void *)(d.turned + d.turns * 2 * (d.taps + BEGINNINGS));
    d.strips = (uint32_t *)(void *)(d.sums + 2 * p->output_width);
    return d;
}

void espdl_mac16_depthwise_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                              const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const depthwise_t d = make_depthwise(p, scratch);
    const int32_t row_bytes = p->output_width * p->output_channels;
    for (int32_t channel = 0; channel < p->input_channels; channel += WIDTH, weights += WIDTH * d.taps) {
        const int32_t left = p->input_channels - channel, count = left < WIDTH ? left : WIDTH;
        turn_weights(&d, weights, &channels[channel], count);
        int8_t *to = y + channel;
        int32_t top = -p->pad_top, filled = top;
        for (int32_t row = 0; row < p->output_height; row++, top += p->stride_height, to += row_bytes) {
            fill_rows(&d, x + channel, top, filled, count);
            filled = top + p->kernel_height;
            const int32_t turn = d.stays ? (top + p->pad_top) % p->kernel_height : 0;
            run_row(&d, &channels[channel], count, d.turned + turn * 2 * (d.taps + BEGINNINGS), to);
        }
    }
}
