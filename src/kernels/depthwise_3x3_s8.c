/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/depthwise.h"

#include <string.h>

#include "fast_scale.h"
#include "keep.h"

/* How a channel is walked: in lines along its longer axis. Steps are in bytes. */
typedef struct {
    int32_t lines, length;
    int32_t line_step, pixel_step;
    int32_t weight_line_step, weight_pixel_step;
    int32_t zero_point;
    int32_t border_above;    /* 0: the line before the first is in memory */
    int32_t border_line;     /* how many lines are left when the border is below; 0: it never is */
} walk_t;

/*
 * One channel. The nine weights stay in registers, and so do the sums of the two windows to come that a pixel is part
 * of; all times 4, as the requantisation takes sums.
 * `above` is a copy of the line before, so that the output may overwrite the input.
 */
static void run_channel(const walk_t *walk, const int8_t *weights, const espdl_fast_channel_t *channel,
                        const espdl_clamp_t *clamp, const int8_t *x, int8_t *y, int8_t *above)
{
    const int8_t *const w0 = weights, *const w1 = w0 + walk->weight_line_step, *const w2 = w1 + walk->weight_line_step;
    const int32_t w = walk->weight_pixel_step;
    const int32_t w00 = 4 * w0[0], w01 = 4 * w0[w], w02 = 4 * w0[2 * w];
    const int32_t w10 = 4 * w1[0], w11 = 4 * w1[w], w12 = 4 * w1[2 * w];
    int32_t w20 = 4 * w2[0], w21 = 4 * w2[w], w22 = 4 * w2[2 * w];
    espdl_scale_t scale = espdl_scale_of(channel);
    const int32_t step = walk->pixel_step, zero = walk->zero_point;
    int32_t bias = 4 * channel->bias;
    /* What the border at the ends of a line adds to its first and to its last output. */
    int32_t before = zero * (w00 + w10 + w20), behind = zero * (w02 + w12 + w22);
    if (walk->border_above) {
        memset(above, zero, (size_t)walk->length);
    } else {
        const int8_t *from = x - walk->line_step;
        for (int32_t i = 0; i < walk->length; i++, from += step) {
            above[i] = *from;
        }
    }
    for (int32_t lines = walk->lines; lines > 0; lines--, x += walk->line_step, y += walk->line_step) {
        const int8_t *here = x, *below = x + walk->line_step;
        if (lines == walk->border_line) {
            /* The border below: its weights become part of the sums, and any line may be read for it. */
            bias += zero * (w20 + w21 + w22);
            before -= zero * w20;
            behind -= zero * w22;
            w20 = w21 = w22 = 0;
            below = here;
        }
        int8_t *to = y, *copy = above;
        int32_t value = *copy, next = bias + before + value * w01, later = bias + value * w00;
        value = *here;
        *copy++ = (int8_t)value;
        next += value * w11;
        later += value * w10;
        value = *below;
        next += value * w21;
        later += value * w20;
        for (const int8_t *end = above + walk->length; copy != end; to += step) {
            here += step;
            below += step;
            value = *copy;
            int32_t sum = next + value * w02;
            next = later + value * w01;
            later = bias + value * w00;
            ESPDL_KEEP(later);
            value = *here;
            *copy++ = (int8_t)value;
            sum += value * w12;
            next += value * w11;
            later += value * w10;
            ESPDL_KEEP(later);
            value = *below;
            sum += value * w22;
            next += value * w21;
            later += value * w20;
            *to = (int8_t)espdl_fast_scale_4(sum, &scale, clamp);
        }
        *to = (int8_t)espdl_fast_scale_4(next + behind, &scale, clamp);
    }
}

void espdl_depthwise_3x3_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                            const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, p->output_zero_point, p->rounding);
    const int32_t row_step = p->input_width * p->input_pitch;
    const int has_below = p->output_height + 1 - p->pad_top < p->input_height;
    x += (1 - p->pad_top) * row_step;
    walk_t walk = {p->output_height, p->input_width, row_step, p->input_pitch, 3, 1, p->input_zero_point,
                   p->pad_top, !has_below};
    /* Only a whole image: the ends of a line are borders. */
    if (p->pad_top && !has_below && p->output_height > p->input_width) {
        walk = (walk_t){p->input_width, p->output_height, p->input_pitch, row_step, 1, 3, p->input_zero_point, 1, 1};
    }
    for (int32_t i = 0; i < p->input_channels; i++) {
        run_channel(&walk, weights + 9 * i, &channels[i], &clamp, x + i, y + i, scratch);
    }
}
