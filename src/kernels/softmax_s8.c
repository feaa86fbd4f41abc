/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/softmax.h"

static int32_t largest(const int8_t *x, int32_t length)
{
    int32_t max = x[0];
    for (int32_t i = 1; i < length; i++) {
        if (x[i] > max) {
            max = x[i];
        }
    }
    return max;
}

void espdl_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y)
{
    for (int32_t row = 0; row < p->rows; row++, x += p->length, y += p->length) {
        const int32_t max = largest(x, p->length);
        uint32_t sum = 0;
        for (int32_t i = 0; i < p->length; i++) {
            sum += exponentials[max - x[i]];
        }
        const uint32_t whole = (uint32_t)(((uint64_t)sum * (uint32_t)p->output_scale) >> 28);
        for (int32_t i = 0; i < p->length; i++) {
            const uint32_t scaled = exponentials[max - x[i]] << 8;
            const int32_t value = (int32_t)((scaled + whole / 2) / whole) + p->output_zero_point;
            y[i] = (int8_t)(value > INT8_MAX ? INT8_MAX : value);
        }
    }
}
