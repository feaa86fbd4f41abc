/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Products of two tensors, whatever their arithmetic: rows; one operand's channels as often as the other has them.
 */
#pragma once

#include "espdl/esp32s3/mul.h"
#include "finish.h"

/** `count` products, a multiple of 16, as all addresses are; one product. */
typedef void (*multiply_vectors_t)(const void *arithmetic, const int8_t *a, const int8_t *b, int8_t *y, int32_t count);
typedef int8_t (*multiply_values_t)(const void *arithmetic, int32_t a, int32_t b);

EE void multiply_row(const void *arithmetic, multiply_vectors_t vectors, multiply_values_t values, const int8_t *a,
                     int32_t a_step, const int8_t *b, int32_t b_step, int8_t *y, int32_t count)
{
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t done = aligned ? count & ~15 : 0;
    vectors(arithmetic, a, b, y, done);
    for (int32_t i = done; i < count; i++) {
        y[i] = values(arithmetic, a[i * a_step], b[i * b_step]);
    }
}

/* `b` over and over; the bytes written, a multiple of 16 and of `channels`, no more than `most` if that has room. */
static inline int32_t repeat(const int8_t *b, int32_t channels, int32_t most, int8_t *to)
{
    int32_t bytes = 0;
    do {
        memcpy(to + bytes, b, (size_t)channels);
        bytes += channels;
    } while (bytes % 16 != 0 || bytes + channels <= most);
    return bytes;
}

EE void multiply_channels(const void *arithmetic, multiply_vectors_t vectors, multiply_values_t values,
                          const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, int8_t *scratch)
{
    const int32_t channels = p->shape[3], count = p->shape[0] * p->shape[1] * p->shape[2] * channels;
    const bool aligned = (((uintptr_t)a | (uintptr_t)y) & 15) == 0;
    const int32_t repeated = repeat(b, channels, ESPDL_S3_REPEATED, scratch);
    int32_t done = 0;
    for (; aligned && count - done >= 16; ) {
        const int32_t bytes = count - done < repeated ? (count - done) & ~15 : repeated;
        vectors(arithmetic, a + done, scratch, y + done, bytes);
        done += bytes;
    }
    for (int32_t i = done % channels; done < count; done++) {
        y[done] = values(arithmetic, a[done], b[i]);
        i = i + 1 == channels ? 0 : i + 1;
    }
}
