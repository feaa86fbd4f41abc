/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * The arithmetic of a product of two tensors of scheme affine.
 */
#pragma once

#include "../../../src/kernels/requantize_inline.h"
#include "mul_tensors.h"
#include "words.h"

typedef struct {
    const espdl_mul_params_t *params;
    word_scales_t scales;
    finish_t finish;
} affine_product_t;

static inline affine_product_t make_affine_product(const espdl_mul_params_t *p, const int8_t *constants)
{
    return (affine_product_t){p, make_word_scales(constants), make_clamp(p->activation_min, p->activation_max)};
}

/* 8 outputs, times 256, to register b; q7 holds its lanes. Changes register a, q4, q5, q6. */
EE void multiply_half(int a, int b, const word_scales_t *s)
{
    ee_zero_qacc();
    ee_vmulas_s16_qacc(a, b);
    ee_srcmb_s16_qacc(6, s->bits);
    ee_zero_qacc();
    ee_vmulas_s16_qacc(a, b);
    ee_vsmulas_s16_qacc(6, 7, MINUS_UNIT_OF_WORDS);
    ee_srcmb_s16_qacc(a, 0);
    ee_andq(b, 6, 6);
    scale_words(b, a, s);
}

static KEEP_APART void multiply_affine_vectors(const void *product, const int8_t *a, const int8_t *b, int8_t *y,
                                               int32_t count)
{
    const affine_product_t *p = product;
    const word_scales_t s = p->scales; /* of its own, so that it stays in registers */
    int8_t *to = y;
    ee_vld_128_ip(7, s.lanes, 0);
    for (int32_t left = count / 16; left > 0; left--) {
        const int8_t *k = ee_vld_128_ip(6, s.signs, 16);
        a = ee_vld_128_ip(0, a, 16);
        b = ee_vld_128_ip(2, b, 16);
        ee_xorq(0, 0, 6);
        ee_xorq(2, 2, 6);
        ee_zero_q(1);
        ee_zero_q(3);
        k = ee_vld_128_ip(4, k, 16);
        ee_vld_128_ip(5, k, 16);
        ee_vzip_8(0, 1);
        ee_vzip_8(2, 3);
        ee_vsubs_s16(0, 0, 4);
        ee_vsubs_s16(1, 1, 4);
        ee_vsubs_s16(2, 2, 5);
        ee_vsubs_s16(3, 3, 5);
        multiply_half(0, 2, &s);
        multiply_half(1, 3, &s);
        ee_vunzip_8(2, 3);
        to = ee_vst_128_ip(3, to, 16);
    }
    espdl_s3_clamp_output(&p->finish, y, count);
}

static KEEP_APART int8_t multiply_affine_values(const void *product, int32_t a, int32_t b)
{
    const espdl_mul_params_t *p = ((const affine_product_t *)product)->params;
    const int32_t value = (a - p->a_zero_point) * (b - p->b_zero_point);
    const int32_t scaled = espdl_requantize_tflite(value, p->multiplier, p->shift);
    return espdl_to_int8(scaled, p->output_zero_point, p->activation_min, p->activation_max);
}
