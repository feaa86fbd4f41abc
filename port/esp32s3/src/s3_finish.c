/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "finish.h"

void espdl_s3_clamp_output(const finish_t *f, int8_t *y, int32_t bytes)
{
    if (!f->clamps) {
        return;
    }
    ee_vldbc_8_ip(2, &f->low, 0);
    ee_vldbc_8_ip(3, &f->high, 0);
    pie_clamp(y, y, bytes / 16);
    for (int32_t i = bytes & ~15; i < bytes; i++) {
        y[i] = y[i] < f->low ? f->low : y[i] > f->high ? f->high : y[i];
    }
}

void espdl_s3_fill_lanes(int8_t packed[BIAS_BYTES], int32_t value)
{
    const uint32_t lane = (uint32_t)value & 0xFFFFF;
    /* two lanes */
    const uint8_t five[5] = {(uint8_t)lane, (uint8_t)(lane >> 8), (uint8_t)(lane >> 16 | lane << 4),
                             (uint8_t)(lane >> 4), (uint8_t)(lane >> 12)};
    for (int32_t i = 0; i < 16; i += 5) {
        for (int32_t k = 0; k < 5 && i + k < 16; k++) {
            packed[i + k] = packed[i + k + 16] = (int8_t)five[k];
        }
    }
    for (int32_t k = 0; k < 4; k++) {
        packed[k + 32] = packed[k + 36] = (int8_t)five[k + 1];
    }
}
