/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* ESP-DL's convolution in portable C, on the constants of the chip: the file esp_dl.cpp is the one that calls ESP-DL. */
#include "espdl/esp_dl/conv2d.h"

#include <stdbool.h>
#include <string.h>

#include "dl_state.h"

#define LANES 16

/* Where the weight of output channel n, kernel position (ky, kx) and input channel c lies. */
static int32_t filter_index(const espdl_conv2d_params_t *p, int32_t n, int32_t ky, int32_t kx, int32_t c)
{
    const bool depthwise = p->groups > 1;
    const int32_t inputs = depthwise ? 1 : p->input_channels;
    const int32_t whole = p->output_channels / LANES * LANES;
    const int32_t tap = ky * p->kernel_width + kx;
    const int32_t taps = p->kernel_height * p->kernel_width;
    if (n < whole) {
        return ((n / LANES * taps + tap) * inputs + c) * LANES + n % LANES;
    }
    const int32_t rest = whole * taps * inputs;
    if (depthwise) {
        return rest + tap * (p->output_channels - whole) + n - whole;
    }
    return rest + ((n - whole) * taps + tap) * inputs + c;
}

static int64_t bias_of(const espdl_conv2d_params_t *p, const uint8_t *bias, int32_t n)
{
    if (p->rounding == ESPDL_ROUND_HALF_EVEN) {
        int32_t value;
        memcpy(&value, bias + 4 * n, sizeof(value));
        return value;
    }
    const int32_t whole = p->groups > 1 ? p->output_channels : p->output_channels / LANES * LANES;
    if (n >= whole) {
        int64_t value;
        memcpy(&value, bias + 4 * whole + 8 * (n - whole), sizeof(value));
        return value;
    }
    uint32_t bits = 0;
    memcpy(&bits, bias + n / 8 * 32 + n % 8 * 5 / 2, 3);
    bits = (n % 2 == 0 ? bits : bits >> 4) & 0xFFFFFu;
    return (int64_t)bits - (bits >= 0x80000u ? 0x100000 : 0);
}

/* Rounded half up, or half to even. */
static int64_t shift_right(int64_t sum, int32_t shift, espdl_rounding_t rounding)
{
    if (shift == 0) {
        return sum;
    }
    const int64_t half = (int64_t)1 << (shift - 1);
    const int64_t rounded = (sum + half) >> shift;
    const bool tie = (sum & (2 * half - 1)) == half;
    return rounding == ESPDL_ROUND_HALF_EVEN && tie && (rounded & 1) != 0 ? rounded - 1 : rounded;
}

static int64_t sum_of_window(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, int32_t oy, int32_t ox,
                             int32_t n)
{
    const bool depthwise = p->groups > 1;
    int64_t sum = 0;
    for (int32_t ky = 0; ky < p->kernel_height; ky++) {
        const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
        for (int32_t kx = 0; kx < p->kernel_width; kx++) {
            const int32_t column = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
            if (y < 0 || y >= p->input_height || column < 0 || column >= p->input_width) {
                continue;
            }
            const int8_t *pixel = x + (y * p->input_width + column) * p->input_channels;
            for (int32_t c = 0; c < (depthwise ? 1 : p->input_channels); c++) {
                sum += pixel[depthwise ? n : c] * filter[filter_index(p, n, ky, kx, c)];
            }
        }
    }
    return sum;
}

void espdl_dl_conv2d_s8_prepare(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                                const int8_t *shifts, int8_t *y, void *state)
{
    (void)p, (void)x, (void)filter, (void)bias, (void)shifts, (void)y;
    dl_state_prepare(state, ESPDL_DL_CONV2D_STATE);
}

void espdl_dl_conv2d_s8(const espdl_conv2d_params_t *p, const int8_t *x, const int8_t *filter, const void *bias,
                        const int8_t *shifts, int8_t *y, void *state)
{
    dl_state_check(state, ESPDL_DL_CONV2D_STATE);
    for (int32_t oy = 0; oy < p->output_height; oy++) {
        for (int32_t ox = 0; ox < p->output_width; ox++) {
            for (int32_t n = 0; n < p->output_channels; n++) {
                const int64_t sum = bias_of(p, bias, n) + sum_of_window(p, x, filter, oy, ox, n);
                int64_t value = shift_right(sum, shifts[n], p->rounding);
                value = value < p->activation_min ? p->activation_min : value;
                *y++ = (int8_t)(value > 127 ? 127 : value);
            }
        }
    }
}
