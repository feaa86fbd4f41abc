/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A view of six axes as planes of its last two.
 */
#pragma once

#include <stddef.h>

#include "pie_lines.h"

typedef void (*plane_t)(const void *params, const int8_t *x, int8_t *y, int8_t *scratch);

/**
 * Calls `plane` for each; inlined into each kernel, so that it is no call.
 *
 * @param n, s         sizes of all axes; their strides in the input, in items of `bytes`
 * @param plane_bytes  from plane to plane of the output
 */
EE void for_planes(const int32_t n[6], const int32_t s[6], int32_t bytes, int32_t plane_bytes, const void *params,
                   const int8_t *x, int8_t *y, int8_t *scratch, plane_t plane)
{
    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t l = 0; l < n[3]; l++, y += plane_bytes) {
                    plane(params, x + (i * s[0] + j * s[1] + k * s[2] + l * s[3]) * bytes, y, scratch);
                }
            }
        }
    }
}

/* The lines of a plane. */
typedef struct {
    int32_t bytes, count, step, pitch, unit;
} lines_t;

static inline void move_lines(const void *params, const int8_t *x, int8_t *y, int8_t *unused)
{
    (void)unused;
    const lines_t *const l = params;
    if (l->bytes == 8 && l->unit == 8 && l->pitch == 8) {
        pie_gather_8(x, y, l->count, l->step);
    } else if (l->bytes == 16 && l->unit == 16 && l->pitch == 16) {
        pie_gather(x, y, l->count, l->step);
    } else if (l->unit == 16) {
        pie_gather_rows(x, y, l->bytes / 16, 16, l->count, l->step - l->bytes, l->pitch - l->bytes);
    } else {
        for (int32_t i = l->count; i > 0; i--, x += l->step, y += l->pitch) {
            move_line(x, y, l->bytes, l->unit);
        }
    }
}

/** A view of lines, the last axis, of which items follow each other; the output's are `pitch` bytes apart. */
static inline void for_lines(const int32_t n[6], const int32_t s[6], int32_t bytes, int32_t pitch, const int8_t *x,
                             int8_t *y)
{
    uintptr_t sizes = (uintptr_t)x | (uintptr_t)y | (uintptr_t)pitch | (uintptr_t)(n[5] * bytes);
    for (int axis = 0; axis < 5; axis++) {
        sizes |= (uintptr_t)(s[axis] * bytes);
    }
    const lines_t lines = {n[5] * bytes, n[4], s[4] * bytes, pitch, unit_of(sizes)};
    for_planes(n, s, bytes, n[4] * pitch, &lines, x, y, NULL, move_lines);
}
