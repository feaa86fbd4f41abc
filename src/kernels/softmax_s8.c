/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/softmax.h"

#include "softmax_inline.h"

static int32_t largest(const int8_t *x, const int8_t *end)
{
    int32_t max = INT8_MIN;
    for (; x != end; x++) {
        const int32_t value = *x;
        if (value > max) {
            max = value;
        }
    }
    return max;
}

/* That of the value x. `none`: where that of 0 would be, which ends with that of the largest value; an address, for it
 * may lie outside the table. */
static inline uint32_t exponential(uintptr_t none, int32_t x)
{
    return *(const uint32_t *)(none + (uintptr_t)x * sizeof(uint32_t));
}

void espdl_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y)
{
    const uintptr_t last = (uintptr_t)(exponentials + 255);
    const int32_t length = p->length, unit = 2 * p->output_zero_point + 1;
    const uint32_t begin = espdl_softmax_start(length);
    const int8_t *const last_end = x + p->rows * length;
    while (x != last_end) {
        const int8_t *const end = x + length;
        const uintptr_t none = last - (uintptr_t)largest(x, end) * sizeof(uint32_t);
        uint32_t sum = begin;
        for (const int8_t *from = x; from != end; from++) {
            sum += exponential(none, *from);
        }
        const espdl_softmax_scale_t scale = espdl_softmax_scale(p, sum);
        const int32_t start = unit * (1 << (scale.shift - 1));
        for (; x != end; x++) {
            const int32_t high = (int32_t)(exponential(none, *x) >> ESPDL_SOFTMAX_LOW_BITS);
            const int32_t value = (high * scale.factor + start) >> scale.shift;
            *y++ = (int8_t)(value > INT8_MAX ? INT8_MAX : value);
        }
    }
}
