/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/softmax.h"

static int32_t largest(const int8_t *x, const int8_t *end)
{
    int32_t max = *x++;
    for (; x != end; x++) {
        max = *x > max ? *x : max;
    }
    return max;
}

/* That of the value x. `none`: where that of 0 would be, counted back from that of the largest value, which is the
 * first one; an address, for it may lie outside the table. */
static inline uint32_t exponential(uintptr_t none, int32_t x)
{
    return *(const uint32_t *)(none - (uintptr_t)x * sizeof(uint32_t));
}

void espdl_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++, x += p->length) {
        const int8_t *const end = x + p->length;
        const uintptr_t none = (uintptr_t)exponentials + (uintptr_t)largest(x, end) * sizeof(uint32_t);
        uint32_t sum = 0;
        for (const int8_t *from = x; from != end; from++) {
            sum += exponential(none, *from);
        }
        const uint32_t whole = (uint32_t)(((uint64_t)sum * (uint32_t)p->output_scale) >> 28);
        for (const int8_t *from = x; from != end; from++) {
            const uint32_t scaled = exponential(none, *from) << 8;
            const int32_t value = (int32_t)((scaled + whole / 2) / whole) + p->output_zero_point;
            *y++ = (int8_t)(value > INT8_MAX ? INT8_MAX : value);
        }
    }
}
