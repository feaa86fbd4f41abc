/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/add.h"

#include "finish.h"

typedef struct {
    int32_t a_factor, b_factor, half, shift;
} sum_t;

static void add_scalar(const sum_t *s, const finish_t *f, const int8_t *a, const int8_t *b, int8_t *y, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t sum = (s->half + a[i] * s->a_factor + b[i] * s->b_factor) >> s->shift;
        sum = sum < f->low ? f->low : sum;
        y[i] = (int8_t)(sum > f->high ? f->high : sum);
    }
}

void espdl_s3_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const finish_t finish = make_finish(p->output_shift, p->activation_min, p->activation_max);
    const sum_t s = {1 << p->a_shift, 1 << p->b_shift, (1 << p->output_shift) >> 1, p->output_shift};
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t vectors = aligned ? p->count / 16 : 0;
    if (vectors > 0) {
        const int8_t factors[2] = {(int8_t)s.a_factor, (int8_t)s.b_factor};
        _Alignas(16) int8_t half[16];
        ee_vldbc_8_ip(2, factors, 0);
        ee_vldbc_8_ip(3, factors + 1, 0);
        memset(half, (int)s.half, sizeof half);
        pie_add(a, b, y, vectors - 1, half, s.shift, finish.negative);
        clamp_output(&finish, y, vectors * 16);
    }
    const int32_t done = vectors * 16;
    add_scalar(&s, &finish, a + done, b + done, y + done, p->count - done);
}
