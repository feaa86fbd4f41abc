/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/rescale.h"

#include "rescale_line.h"

/* Where the packed lines begin, their vectors, those of 8 lanes and of the 16 of a vector of outputs; in int16. */
enum { SIGN = 0, SHIFT = 8, LINES = 16, HIGH = 8, A = 16, B = 24, HALF = 32, VECTOR = 64 };

/** What all elements of a call have in common: the lines as packed; vectors of outputs after which they begin again;
 *  bytes further in them with every vector of outputs. */
typedef struct {
    const half_t *lines;
    int32_t period, step;
} rescale_t;

/* Apart, for most tensors have nothing left for it. `channels` that take turns, from `channel` on; lines at `line`. */
static KEEP_APART void rescale_scalar(const rescale_t *r, const half_t *x, int32_t count, const half_t *line,
                                      int32_t channel, int32_t channels, int8_t *y)
{
    for (int32_t i = 0; i < count; i++) {
        const half_t *const at = line + channel / 8 * HALF + channel % 8;
        const int32_t start = (int16_t)at[A] * (int16_t)at[B], value = (int16_t)(x[i] ^ r->lines[SIGN]);
        y[i] = rescale_value(value, (int16_t)at[0], (int16_t)at[HIGH], start, r->lines[SHIFT]);
        channel = channel + 1 == channels ? 0 : channel + 1;
    }
}

static void rescale_vectors(const rescale_t *r, const half_t *x, int32_t vectors, const half_t *line, int8_t *y)
{
    const int32_t shift = r->lines[SHIFT];
    while (vectors > 0) {
        const int32_t now = vectors < r->period ? vectors : r->period;
        const int8_t *const lines = ee_vld_128_ip(2, (const int8_t *)line, 16), *const from = (const int8_t *)x;
        if (((uintptr_t)from & 15) == 0) {
            pie_rescale_lanes(from, y, lines, now, shift, r->step);
        } else {
            pie_rescale_lanes_unaligned(ee_ld_128_usar_ip(3, from, 16), y, lines, now, shift, r->step);
        }
        x += 16 * now;
        y += 16 * now;
        vectors -= now;
    }
}

/* `count` elements of as many `channels` that take turns. */
static void rescale(const rescale_t *r, const half_t *x, int32_t count, const half_t *line, int32_t channels, int8_t *y)
{
    const int32_t vectors = ((uintptr_t)y & 15) == 0 ? count / 16 : 0, done = vectors * 16;
    rescale_vectors(r, x, vectors, line, y);
    if (done < count) {
        rescale_scalar(r, x + done, count - done, line, done % channels, channels, y + done);
    }
}

/* The vectors that some pixels of so many channels fill. */
static int32_t period_of(int32_t channels)
{
    int32_t shared = 1;
    while (shared < 16 && channels % (2 * shared) == 0) {
        shared *= 2;
    }
    return channels / shared;
}

void espdl_s3_rescale_channels_16_s8(const espdl_rescale_channels_params_t *p, const void *x, const int8_t *lines,
                                     int8_t *y)
{
    const half_t *const packed = (const half_t *)(const void *)lines, *from = x;
    const bool is_last = p->inner == 1;
    const rescale_t r = {packed, is_last ? period_of(p->channels) : p->inner, is_last ? 0 : -2 * VECTOR};
    ee_vld_128_ip(7, lines, 16);
    if (is_last) {
        rescale(&r, from, p->outer * p->channels, packed + LINES, p->channels, y);
        return;
    }
    for (int32_t outer = 0; outer < p->outer; outer++) {
        for (int32_t channel = 0; channel < p->channels; channel++, from += p->inner, y += p->inner) {
            rescale(&r, from, p->inner, packed + LINES + channel * VECTOR, 1, y);
        }
    }
}
