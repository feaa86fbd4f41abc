/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A transposition as planes of its last two axes.
 */
#pragma once

#include "espdl/esp32s3/moves.h"
#include "pie_moves.h"

typedef void (*plane_t)(const espdl_transpose_params_t *p, const int8_t *x, int8_t *y, int8_t *scratch);

/** Calls `plane` for each; inlined into each kernel, so that it is no call. */
EE void for_planes(const espdl_transpose_params_t *p, const int8_t *x, int8_t *y, int8_t *scratch, plane_t plane)
{
    const int32_t *const n = p->shape, *const s = p->strides, bytes = p->item_bytes;
    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t l = 0; l < n[3]; l++, y += n[4] * n[5] * bytes) {
                    plane(p, x + (i * s[0] + j * s[1] + k * s[2] + l * s[3]) * bytes, y, scratch);
                }
            }
        }
    }
}
