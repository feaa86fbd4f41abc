/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/add.h"

#include "sum.h"

/* Apart, for most tensors have nothing left for it. */
static KEEP_APART void add_scalar(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, int32_t count)
{
    const sum_t s = make_sum(p);
    for (int32_t i = 0; i < count; i++) {
        int32_t sum = (s.start + a[i] * s.a_factor + b[i] * s.b_factor) >> s.finish.shift;
        sum = sum < s.finish.low ? s.finish.low : sum;
        y[i] = (int8_t)(sum > s.finish.high ? s.finish.high : sum);
    }
}

void espdl_s3_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, const int8_t *constants, int8_t *y)
{
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t vectors = aligned ? p->count / 16 : 0, done = vectors * 16;
    if (vectors > 0) {
        const finish_t finish = make_finish(p->output_shift, p->activation_min, p->activation_max);
        constants = ee_vld_128_ip(2, constants, 16);
        constants = ee_vld_128_ip(3, constants, 16);
        pie_add(a, b, y, vectors - 1, constants, finish.shift, finish.negative);
        espdl_s3_clamp_output(&finish, y, done);
    }
    if (done < p->count) {
        add_scalar(p, a + done, b + done, y + done, p->count - done);
    }
}
