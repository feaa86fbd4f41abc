/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/layer_norm.h"

#include <stdbool.h>
#include <string.h>

#include "../../../src/kernels/layer_norm.h"
#include "pie_norm.h"

/** Lanes of what a row's elements are multiplied with; the packed vectors in front of all gammas and betas. */
enum { STEP = 0, START_HIGH = 1, START_LOW = 2, BETA_FACTOR = 3, LOW_BITS = 15, CONSTANTS = 2 };

/* Of whole vectors; beside x they hold zeros behind the row. */
EE espdl_norm_line_t measure(const espdl_layer_norm_params_t *p, const int8_t *x, int32_t vectors)
{
    static const int8_t s_one = 1;
    static const _Alignas(8) int64_t s_zero = 0;
    const int8_t *const zero = (const int8_t *)(const void *)&s_zero;
    ee_vldbc_8_ip(1, &s_one, 0);
    ee_ld_accx_ip(zero, 0);
    pie_sum_all(x, vectors - 1);
    const int32_t sum = ee_srs_accx(0);
    ee_ld_accx_ip(zero, 0);
    pie_sum_squares(x, vectors - 1);
    return espdl_norm_line(p, sum, ee_srs_accx(0));
}

/* A start is -2^LOW_BITS, which lanes of q3 have, times START_HIGH, and START_LOW times the ones of q4. */
EE void set_lanes(int16_t *lanes, const espdl_norm_line_t *line)
{
    lanes[STEP] = (int16_t)(line->step >> 8);
    lanes[START_HIGH] = (int16_t)-(line->start >> LOW_BITS);
    lanes[START_LOW] = (int16_t)(line->start & ((1 << LOW_BITS) - 1));
}

void espdl_s3_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int8_t *scales, int8_t *y,
                            int8_t *scratch)
{
    const int32_t length = p->length, vectors = (length + 15) / 16;
    const bool direct = (((uintptr_t)x | (uintptr_t)y | (uintptr_t)length) & 15) == 0;
    int16_t *const lanes = (int16_t *)(void *)scratch;
    int8_t *const row = scratch + 16;
    lanes[BETA_FACTOR] = (int16_t)(1 << p->beta_shift);
    ee_vld_128_ip(3, scales, 16);
    ee_vld_128_ip(4, scales + 16, 16);
    scales += 16 * CONSTANTS;
    for (int32_t i = 0; i < p->rows; i++, x += length, y += length) {
        if (!direct) {
            memcpy(row, x, (size_t)length);
            memset(row + length, 0, (size_t)(16 * vectors - length));
        }
        const espdl_norm_line_t line = measure(p, direct ? x : row, vectors);
        set_lanes(lanes, &line);
        ee_vld_128_ip(2, scratch, 16);
        pie_normalize(direct ? x : row, scales, direct ? y : row, vectors, line.shift, p->output_shift - 8);
        if (!direct) {
            memcpy(y, row, (size_t)length);
        }
    }
}
