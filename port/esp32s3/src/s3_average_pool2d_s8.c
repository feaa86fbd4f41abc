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

/* How lanes of 20 bits divide. A = start + factor * sum; in every step A >> bits is added to the result, and as many
 * divisors are taken from A, to which factor * more is added before the last of four. `steps`: 1, 4, or 0: they
 * cannot. */
typedef struct {
    int32_t factor, divisor, bits, steps, more;
    _Alignas(16) int8_t start[BIAS_BYTES];
} division_t;

/* q = A >> bits, of which as many divisors are taken from A. */
EE void divide_step(int q, const division_t *d, int8_t *spill)
{
    spill = ee_st_qacc_l_l_128_ip(spill, 16);
    spill = ee_st_qacc_h_l_128_ip(spill, 16);
    spill = ee_st_qacc_l_h_32_ip(spill, 4);
    spill = ee_st_qacc_h_h_32_ip(spill, -36);
    ee_srcmb_s8_qacc(q, d->bits);
    pie_load_bias(spill);
    ee_vsmulas_s8_qacc(q, 7, 0);
}

/* The same pixel by vectors. q1: the factor; q5, q6: the least and the greatest output; q7: -divisor, 1, more. */
static void vector_pixel(const espdl_average_pool2d_params_t *p, const division_t *d, const int8_t *x, int8_t *y,
                         taps_t rows, taps_t columns)
{
    const int32_t row_step = p->dilation_height * p->input_width * p->input_pitch;
    _Alignas(16) int8_t spill[BIAS_BYTES];
    for (int32_t group = 0; group < p->channels; group += 16) {
        const int8_t *from = x + group;
        pie_load_bias(d->start);
        for (int32_t row = rows.count; row > 0; row--, from += row_step) {
            pie_sum(from, columns.count - 1, p->dilation_width * p->input_pitch);
        }
        if (d->steps > 1) {
            divide_step(2, d, spill);
            divide_step(3, d, spill);
            divide_step(4, d, spill);
            ee_vsmulas_s8_qacc(1, 7, 2);
            ee_srcmb_s8_qacc(0, d->bits);
            ee_zero_qacc();
            ee_vsmulas_s8_qacc(2, 7, 1);
            ee_vsmulas_s8_qacc(3, 7, 1);
            ee_vsmulas_s8_qacc(4, 7, 1);
            ee_vsmulas_s8_qacc(0, 7, 1);
            ee_srcmb_s8_qacc(0, 0);
        } else {
            ee_srcmb_s8_qacc(0, d->bits);
        }
        ee_vmax_s8(0, 0, 5);
        ee_vmin_s8(0, 0, 6);
        y = ee_vst_128_ip(0, y, 16);
    }
}

static void load_division(const espdl_average_pool2d_params_t *p, const division_t *d)
{
    const int8_t factor = (int8_t)d->factor, low = (int8_t)p->activation_min, high = (int8_t)p->activation_max;
    _Alignas(16) const int8_t lanes[16] = {(int8_t)-d->divisor, 1, (int8_t)d->more};
    ee_vldbc_8_ip(1, &factor, 0);
    ee_vldbc_8_ip(5, &low, 0);
    ee_vldbc_8_ip(6, &high, 0);
    ee_vld_128_ip(7, lanes, 0);
}

void espdl_s3_average_pool2d_s8(const espdl_average_pool2d_params_t *p, const int8_t *x, const int32_t *multiplier,
                                const int32_t *shift, int8_t *y)
{
    const axis_t rows = make_axis(p->input_height, p->pad_top, p->stride_height, p->dilation_height, p->kernel_height,
                                  p->output_height);
    const axis_t columns = make_axis(p->input_width, p->pad_left, p->stride_width, p->dilation_width, p->kernel_width,
                                     p->output_width);
    const int32_t entries = p->uniform ? 1 : p->kernel_height * p->kernel_width;
    const division_t *const division = (const division_t *)(const void *)(shift + ((entries + 3) & ~3));
    if (division->steps > 0) {
        load_division(p, division);
    }
    for (int32_t row = 0; row < p->output_height; row++) {
        const taps_t ky = taps_inside(&rows, row);
        const int32_t top = window_start(&rows, row) + ky.first * p->dilation_height;
        for (int32_t column = 0; column < p->output_width; column++, y += p->output_pitch) {
            const taps_t kx = taps_inside(&columns, column);
            const int32_t left = window_start(&columns, column) + kx.first * p->dilation_width;
            const int32_t entry = p->uniform ? 0 : ky.count * kx.count - 1;
            const int8_t *from = x + (top * p->input_width + left) * p->input_pitch;
            if (division->steps > 0) {
                vector_pixel(p, division, from, y, ky, kx);
            } else {
                pixel(p, from, y, ky, kx, multiplier[entry], shift[entry]);
            }
        }
    }
}
