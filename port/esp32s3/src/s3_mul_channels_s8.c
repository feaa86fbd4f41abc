/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "product.h"

/* `b` over and over; the bytes written, which are a multiple of 16 and of `channels`, no more than `most` if that has room. */
static int32_t repeat(const int8_t *b, int32_t channels, int32_t most, int8_t *to)
{
    int32_t bytes = 0;
    do {
        memcpy(to + bytes, b, (size_t)channels);
        bytes += channels;
    } while (bytes % 16 != 0 || bytes + channels <= most);
    return bytes;
}

void espdl_s3_mul_channels_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, const int8_t *start, int8_t *y,
                              int8_t *scratch)
{
    const product_t product = make_product(p, start);
    const int32_t channels = p->shape[3], count = p->shape[0] * p->shape[1] * p->shape[2] * channels;
    const bool aligned = (((uintptr_t)a | (uintptr_t)y) & 15) == 0;
    const int32_t repeated = repeat(b, channels, ESPDL_S3_REPEATED, scratch);
    int32_t done = 0;
    for (; aligned && count - done >= 16; ) {
        const int32_t bytes = count - done < repeated ? (count - done) & ~15 : repeated;
        multiply_vectors(&product, a + done, scratch, y + done, bytes);
        done += bytes;
    }
    for (int32_t i = done % channels; done < count; done++) {
        y[done] = multiply_values(&product, a[done], b[i]);
        i = i + 1 == channels ? 0 : i + 1;
    }
}
