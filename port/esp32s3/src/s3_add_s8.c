/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/add.h"

#include "sum.h"

static void add_scalar(const sum_t *s, const int8_t *a, const int8_t *b, int8_t *y, int32_t count)
{
    const finish_t *f = &s->finish;
    for (int32_t i = 0; i < count; i++) {
        int32_t sum = (s->start + a[i] * s->a_factor + b[i] * s->b_factor) >> f->shift;
        sum = sum < f->low ? f->low : sum;
        y[i] = (int8_t)(sum > f->high ? f->high : sum);
    }
}

void espdl_s3_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const sum_t sum = make_sum(p);
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t vectors = aligned ? p->count / 16 : 0, done = vectors * 16;
    if (vectors > 0) {
        _Alignas(16) int8_t start[BIAS_BYTES];
        fill_lanes(start, sum.start);
        load_factors(&sum, 2, 3);
        pie_add(a, b, y, vectors - 1, start, sum.finish.shift, sum.finish.negative);
        clamp_output(&sum.finish, y, done);
    }
    add_scalar(&sum, a + done, b + done, y + done, p->count - done);
}
