/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Outputs are made in whole vectors of memory, of which a row may begin in the middle of one. The exponentials of a row
 * begin in the middle of a vector too, at the same place of it; and what a row has in its last vector waits in q7 for
 * what the next one has there.
 */
#include "espdl/esp32s3/softmax.h"

#include <stdbool.h>
#include <string.h>

#include "../../../src/kernels/softmax_inline.h"
#include "pie_softmax.h"

/** Outputs are the high bytes of int16. */
enum { FRACTION = 8 };

typedef struct {
    int16_t *lanes;       /**< of q3: the factor of a row, 2^(its shift - FRACTION) */
    int8_t *vector;       /**< one that is no output yet */
    uint8_t *values;      /**< of a row, 0 .. 255, in whole vectors */
    int8_t *exponentials; /**< the high bits of each, int16 */
} scratch_t;

static inline scratch_t make_scratch(const espdl_softmax_params_t *p, int8_t *scratch)
{
    uint8_t *const values = (uint8_t *)scratch + 32;
    return (scratch_t){(int16_t *)(void *)scratch, scratch + 16, values, scratch + 32 + ((p->length + 15) & ~15)};
}

/* q2: what outputs begin with, times 2^(FRACTION - shift). */
static inline void load_start(int32_t output_zero_point)
{
    const int16_t start = (int16_t)((2 * output_zero_point + 1) * (1 << (FRACTION - 1)));
    const _Alignas(16) int16_t lanes[8] = {start, start, start, start, start, start, start, start};
    ee_vld_128_ip(2, (const int8_t *)lanes, 0);
}

/* The values of a row; returns the largest one. */
static inline int32_t read_row(const int8_t *x, int32_t length, const scratch_t *s)
{
    static const int8_t s_minus_128 = -128;
    const int8_t *const last = x + length - 1;
    int8_t *to = (int8_t *)s->values;
    ee_vldbc_8_ip(4, &s_minus_128, 0);
    ee_vldbc_8_ip(5, &s_minus_128, 0);
    pie_read_unsigned(ee_ld_128_usar_ip(3, x, 16), &to, (length - 1) / 16);
    ee_vld_128_block_xp(1, last, 0);
    ee_src_q(0, 3, 1);
    ee_xorq(0, 0, 4);
    ee_vst_128_ip(0, to, 0);
    ee_ld_128_usar_ip(3, last - 15, 0);
    ee_src_q(0, 3, 1);
    ee_vmax_s8(5, 5, 0);
    pie_fold_max();
    ee_vst_128_ip(5, s->vector, 0);
    return *s->vector + 128;
}

/* The sum of the exponentials of values, whose high bits go to `to`. `none`: that of 0. */
static inline uint32_t look_up(const uint8_t *x, int32_t length, const uint32_t *none, uint16_t *to)
{
    uint32_t sum = espdl_softmax_start(length);
    const uint8_t *const end = x + length;
    for (const uint8_t *const last = end - 4; x <= last; x += 4, to += 4) {
        const uint32_t a = none[x[0]], b = none[x[1]], c = none[x[2]], d = none[x[3]];
        to[0] = (uint16_t)(a >> ESPDL_SOFTMAX_LOW_BITS);
        to[1] = (uint16_t)(b >> ESPDL_SOFTMAX_LOW_BITS);
        to[2] = (uint16_t)(c >> ESPDL_SOFTMAX_LOW_BITS);
        to[3] = (uint16_t)(d >> ESPDL_SOFTMAX_LOW_BITS);
        sum += a + b + c + d;
    }
    for (; x != end; x++, to++) {
        const uint32_t a = none[*x];
        *to = (uint16_t)(a >> ESPDL_SOFTMAX_LOW_BITS);
        sum += a;
    }
    return sum;
}

/* The outputs of a row at `y`, those in front of it in the first vector from q7 if there are any. What is left for the
 * last vector, which is not whole, is in q7 and in s->vector. */
static inline void write_row(int8_t *y, int32_t length, bool is_first, int32_t shift, const scratch_t *s)
{
    const int32_t before = (int32_t)((uintptr_t)y & 15), whole = (before + length) / 16;
    const int8_t *from = s->exponentials;
    if (before > 0) {
        pie_mask(1, before);
    }
    ee_vld_128_ip(3, (const int8_t *)s->lanes, 0);
    from = ee_vld_128_ip(0, from, 16);
    int8_t *to = y - before;
    if (before > 0) {
        from = pie_scale_words(from, s->vector, 1, shift);
        if (is_first) {
            memcpy(y, s->vector + before, (size_t)(16 - before));
        } else {
            ee_xorq(7, 7, 6);
            ee_andq(7, 7, 1);
            ee_xorq(6, 6, 7);
            ee_vst_128_ip(6, to, 0);
        }
        to += 16;
    }
    from = pie_scale_words(from, to, whole - (before > 0), shift);
    if (((before + length) & 15) > 0) {
        pie_scale_words(from, s->vector, 1, shift);
        ee_vld_128_ip(7, s->vector, 0);
    }
}

void espdl_s3_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y,
                         int8_t *scratch)
{
    const scratch_t s = make_scratch(p, scratch);
    const int32_t length = p->length;
    load_start(p->output_zero_point);
    for (int32_t row = 0; row < p->rows; row++, x += length, y += length) {
        const uint32_t *const none = exponentials + 255 - read_row(x, length, &s);
        uint16_t *const to = (uint16_t *)(void *)s.exponentials + ((uintptr_t)y & 15);
        const espdl_softmax_scale_t scale = espdl_softmax_scale(p, look_up(s.values, length, none, to));
        s.lanes[0] = (int16_t)scale.factor;
        s.lanes[1] = (int16_t)(1 << (scale.shift - FRACTION));
        write_row(y, length, row == 0, scale.shift - FRACTION, &s);
    }
    const uintptr_t left = (uintptr_t)y & 15;
    memcpy(y - left, s.vector, left);
}
