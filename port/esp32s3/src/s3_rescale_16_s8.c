/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/rescale.h"

#include "rescale_line.h"

/** The first vector of the line's constants, and the first lane of the two behind it. */
enum { LOW = 0, HIGH = 1, A = 2, SHIFT = 3, B = 8, SIGN = 16 };

/* Apart, for most tensors have nothing left for it. */
static KEEP_APART void rescale_scalar(const half_t *x, int32_t count, const half_t *line, int8_t *y)
{
    const int32_t low = (int16_t)line[LOW], high = (int16_t)line[HIGH], start = (int16_t)line[A] * (int16_t)line[B];
    for (int32_t i = 0; i < count; i++) {
        y[i] = rescale_value((int16_t)(x[i] ^ line[SIGN]), low, high, start, line[SHIFT]);
    }
}

void espdl_s3_rescale_16_s8(const espdl_rescale_params_t *p, const void *x, const int8_t *line, int8_t *y)
{
    const half_t *const from = x, *const numbers = (const half_t *)(const void *)line;
    const int32_t vectors = ((uintptr_t)y & 15) == 0 ? p->count / 16 : 0, done = vectors * 16;
    if (vectors > 0) {
        line = ee_vld_128_ip(2, line, 16);
        line = ee_vld_128_ip(4, line, 16);
        line = ee_vld_128_ip(7, line, 16);
        if (((uintptr_t)x & 15) == 0) {
            pie_rescale(x, y, vectors, numbers[SHIFT]);
        } else {
            pie_rescale_unaligned(ee_ld_128_usar_ip(3, x, 16), y, vectors, numbers[SHIFT]);
        }
    }
    if (done < p->count) {
        rescale_scalar(from + done, p->count - done, numbers, y + done);
    }
}
