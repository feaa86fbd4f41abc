/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "../../../src/kernels/requantize_inline.h"
#include "espdl/esp32s3/pool2d.h"
#include "finish.h"
#include "windows.h"

/* Eight lanes of 20 bits: 16 bytes at `low`, 4 at `high`. */
static void unpack(const int8_t *low, const int8_t *high, int32_t sums[8])
{
    uint32_t words[5];
    memcpy(words, low, 16);
    memcpy(words + 4, high, 4);
    for (uint32_t lane = 0; lane < 8; lane++) {
        const uint32_t bit = lane * 20, word = bit / 32, place = bit % 32;
        uint32_t value = words[word] >> place;
        if (place > 12) {
            value |= words[word + 1] << (32 - place);
        }
        sums[lane] = (int32_t)(value << 12) >> 12;
    }
}

static void read_sums(int32_t sums[16])
{
    _Alignas(16) int8_t packed[48];
    ee_st_qacc_l_l_128_ip(packed, 0);
    ee_st_qacc_h_l_128_ip(packed + 16, 0);
    ee_st_qacc_l_h_32_ip(packed + 32, 0);
    ee_st_qacc_h_h_32_ip(packed + 36, 0);
    unpack(packed, packed + 32, sums);
    unpack(packed + 16, packed + 36, sums + 8);
}

/* One output pixel from `count` pixels inside the image; `x` is at the first of them. */
static void pixel(const espdl_average_pool2d_params_t *p, const int8_t *x, int8_t *y, taps_t rows, taps_t columns,
                  int32_t multiplier, int32_t shift)
{
    static const int8_t s_one = 1;
    const int32_t zero = rows.count * columns.count * p->input_zero_point;
    const int32_t row_step = p->dilation_height * p->input_width * p->input_pitch;
    ee_vldbc_8_ip(1, &s_one, 0);
    for (int32_t group = 0; group < p->channels; group += 16) {
        int32_t sums[16];
        ee_zero_qacc();
        for (int32_t row = 0; row < rows.count; row++) {
            pie_sum(x + group + row * row_step, columns.count - 1, p->dilation_width * p->input_pitch);
        }
        read_sums(sums);
        for (int32_t lane = 0; lane < 16; lane++) {
            const int32_t scaled = espdl_requantize_tflite(sums[lane] - zero, multiplier, shift);
            *y++ = espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
        }
    }
}

void espdl_s3_average_pool2d_s8(const espdl_average_pool2d_params_t *p, const int8_t *x, const int32_t *multiplier,
                                const int32_t *shift, int8_t *y)
{
    const axis_t rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                                  p->output_height);
    const axis_t columns = make_axis(p->input_width, p->pad_left, p->stride_width, p->dilation_width, p->kernel_width,
                                     p->output_width);
    for (int32_t row = 0; row < p->output_height; row++) {
        const taps_t ky = taps_inside(&rows, row);
        const int32_t top = window_start(&rows, row) + ky.first * p->dilation_height;
        for (int32_t column = 0; column < p->output_width; column++, y += p->output_pitch) {
            const taps_t kx = taps_inside(&columns, column);
            const int32_t left = window_start(&columns, column) + kx.first * p->dilation_width;
            const int32_t entry = p->uniform ? 0 : ky.count * kx.count - 1;
            pixel(p, x + (top * p->input_width + left) * p->input_pitch, y, ky, kx, multiplier[entry], shift[entry]);
        }
    }
}
