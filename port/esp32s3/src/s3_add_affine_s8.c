/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32s3/affine_add.h"

#include "finish.h"

/* Lanes of q7, of int16. */
enum { A_LOW, B_LOW, FINE, A_HIGH, B_HIGH, COARSE };
enum { LOW_BITS = 15, OFFSET_BITS = 14 };

static void add_scalar(const espdl_s3_affine_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y,
                       int32_t count)
{
    const int64_t a_factor = ((int64_t)p->a_high << LOW_BITS) + p->a_low;
    const int64_t b_factor = ((int64_t)p->b_high << LOW_BITS) + p->b_low;
    const int64_t offset = ((int64_t)p->coarse * (1 << LOW_BITS) + p->fine) * (1 << OFFSET_BITS);
    const int32_t shift = p->shift + LOW_BITS + 8;
    for (int32_t i = 0; i < count; i++) {
        const int64_t sum = (256 * (a[i] * a_factor + b[i] * b_factor) + offset) >> shift;
        const int64_t raised = sum < p->activation_min ? p->activation_min : sum;
        y[i] = (int8_t)(raised > p->activation_max ? p->activation_max : raised);
    }
}

/* Register a, of 8 values times 256, becomes 256 times the sums of a and b. q6: 2^14 in every lane. Changes q5. */
EE void add_half(int a, int b, int32_t shift)
{
    ee_zero_qacc();
    ee_vsmulas_s16_qacc(a, 7, A_LOW);
    ee_vsmulas_s16_qacc(b, 7, B_LOW);
    ee_vsmulas_s16_qacc(6, 7, FINE);
    ee_srcmb_s16_qacc(5, LOW_BITS);
    ee_vsmulas_s16_qacc(a, 7, A_HIGH);
    ee_vsmulas_s16_qacc(b, 7, B_HIGH);
    ee_vsmulas_s16_qacc(6, 7, COARSE);
    ee_srcmb_s16_qacc(a, shift);
}

static void add_vectors(const espdl_s3_affine_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y,
                        int32_t count)
{
    _Alignas(16) const int16_t factors[2][8] = {
        {(int16_t)p->a_low, (int16_t)p->b_low, (int16_t)p->fine, (int16_t)p->a_high, (int16_t)p->b_high,
         (int16_t)p->coarse},
        {1 << OFFSET_BITS, 1 << OFFSET_BITS, 1 << OFFSET_BITS, 1 << OFFSET_BITS, 1 << OFFSET_BITS, 1 << OFFSET_BITS,
         1 << OFFSET_BITS, 1 << OFFSET_BITS},
    };
    const int32_t shift = p->shift;
    ee_vld_128_ip(7, (const int8_t *)factors[0], 0);
    ee_vld_128_ip(6, (const int8_t *)factors[1], 0);
    for (; count > 0; count--) {
        ee_zero_q(0);
        ee_zero_q(2);
        a = ee_vld_128_ip(1, a, 16);
        b = ee_vld_128_ip(3, b, 16);
        ee_vzip_8(0, 1);
        ee_vzip_8(2, 3);
        add_half(0, 2, shift);
        add_half(1, 3, shift);
        ee_vunzip_8(0, 1);
        y = ee_vst_128_ip(1, y, 16);
    }
}

void espdl_s3_add_affine_s8(const espdl_s3_affine_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y)
{
    const bool aligned = (((uintptr_t)a | (uintptr_t)b | (uintptr_t)y) & 15) == 0;
    const int32_t done = aligned ? p->count & ~15 : 0;
    add_vectors(p, a, b, y, done / 16);
    const finish_t finish = make_clamp(p->activation_min, p->activation_max);
    espdl_s3_clamp_output(&finish, y, done);
    add_scalar(p, a + done, b + done, y + done, p->count - done);
}
