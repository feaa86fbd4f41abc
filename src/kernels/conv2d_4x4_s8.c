/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/conv2d.h"

#include <string.h>

#include "dot_4x4_s8.h"
#include "pack_4_s8.h"

/* A window of the input: where its first tap lies, which may be outside. */
typedef struct {
    int32_t row, column;
} window_t;

static int is_inside(const espdl_conv2d_params_t *p, const window_t *w)
{
    return w->row >= 0 && w->row + (p->kernel_height - 1) * p->dilation_height < p->input_height && w->column >= 0 &&
           w->column + (p->kernel_width - 1) * p->dilation_width < p->input_width;
}

/* Windows without border and dilation are runs of memory, one for each of their rows. */
static void pack_runs(const espdl_conv2d_params_t *p, const int8_t *x, const window_t w[4], uint32_t *packed)
{
    const int32_t run = p->kernel_width * p->input_channels;
    const int8_t *pixels[4];
    for (int32_t i = 0; i < 4; i++) {
        pixels[i] = x + (w[i].row * p->input_width + w[i].column) * p->input_channels;
    }
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        packed = espdl_pack_4_s8(pixels, run, packed);
        for (int32_t i = 0; i < 4; i++) {
            pixels[i] += p->dilation_height * p->input_width * p->input_channels;
        }
    }
}

/* `border` stands for a tap outside the input. */
static void pack_taps(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *border, const window_t w[4],
                      uint32_t *packed)
{
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        for (int32_t kx = 0; kx < p->kernel_width; kx++) {
            const int8_t *pixels[4];
            for (int32_t i = 0; i < 4; i++) {
                const int32_t row = w[i].row + ky * p->dilation_height;
                const int32_t column = w[i].column + kx * p->dilation_width;
                const int inside = row >= 0 && row < p->input_height && column >= 0 && column < p->input_width;
                pixels[i] = inside ? x + (row * p->input_width + column) * p->input_channels : border;
            }
            packed = espdl_pack_4_s8(pixels, p->input_channels, packed);
        }
    }
}

void espdl_conv2d_4x4_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch)
{
    const int32_t products = p->kernel_height * p->kernel_width * p->input_channels;
    const espdl_dot_t dot = {
        .depth = (products + 1) & ~1,
        .channels = p->output_channels,
        .activation_min = p->activation_min,
        .activation_max = p->activation_max,
        .output_zero_point = p->output_zero_point,
        .rounding = p->rounding,
    };
    uint32_t *packed = scratch;
    int8_t *border = (int8_t *)(packed + 2 * dot.depth);
    memset(border, p->input_zero_point, (size_t)p->input_channels);
    packed[2 * dot.depth - 2] = packed[2 * dot.depth - 1] = 0;
    window_t next = {-p->pad_top, -p->pad_left};
    const int32_t last_column = next.column + (p->output_width - 1) * p->stride_width;
    for (int32_t left = p->output_height * p->output_width; left > 0; left -= 4) {
        window_t windows[4];
        int runs = p->dilation_width == 1;
        for (int32_t i = 0; i < 4; i++) {
            windows[i] = next;
            runs = runs && is_inside(p, &next);
            if (i + 1 < left) {
                next.column += p->stride_width;
                if (next.column > last_column) {
                    next.column = -p->pad_left;
                    next.row += p->stride_height;
                }
            }
        }
        if (runs) {
            pack_runs(p, x, windows, packed);
        } else {
            pack_taps(p, x, border, windows, packed);
        }
        espdl_dot_4x4_s8(&dot, packed, weights, channels, y, left < 4 ? left : 4);
        y += 4 * p->output_channels;
    }
}
