/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "requantise.h"

/* Lanes of q7, of int8: 1, 2^low, -2^low. */
enum { ONE = 0, UNIT = 1, MINUS_UNIT = 4 };

#define MASK_13 -1, 31, -16, -1, 1
#define MASK_14 -1, 63, -16, -1, 3
#define ZEROS 0, 0, 0, 0, 0, 0, 0, 0
#define LOWEST -128, -128, -128, -128

void espdl_s3_make_scales(scales_t *s, const espdl_s3_scale_params_t *p)
{
    static const _Alignas(16) int8_t s_masks[2][48] = {
        {MASK_13, MASK_13, MASK_13, -1, 31, -16, -1, 1, 31, -16, -1, 1, ZEROS, LOWEST, LOWEST, LOWEST, LOWEST},
        {MASK_14, MASK_14, MASK_14, -1, 63, -16, -1, 3, 63, -16, -1, 3, ZEROS, LOWEST, LOWEST, LOWEST, LOWEST},
    };
    const int32_t unit = 1 << (p->bits - 8);
    const int16_t fine = (int16_t)(1 << p->fine_bits), coarse = (int16_t)(1 << p->coarse_bits);
    s->masks = s_masks[p->bits - 13];
    s->bits = p->bits;
    s->shift = p->shift;
    s->is_signed = p->is_signed;
    s->lanes[ONE] = 1;
    s->lanes[UNIT] = (int8_t)unit;
    s->lanes[MINUS_UNIT] = (int8_t)-unit;
    memcpy(s->lanes + 2 * FINE, &fine, sizeof fine);
    memcpy(s->lanes + 2 * COARSE, &coarse, sizeof coarse);
}

/* QACC = the sums at `p`, which the compiler then need not copy. */
EE int8_t *load_sums(int8_t *p)
{
    const int8_t *end = ee_ld_qacc_l_l_128_ip(p, 16);
    end = ee_ld_qacc_h_l_128_ip(end, 16);
    end = ee_ld_qacc_l_h_32_ip(end, 4);
    return (int8_t *)(uintptr_t)ee_ld_qacc_h_h_32_ip(end, -36);
}

/* Of the sums at `p`, and of the `asides` vectors in front of them: q1 = H of the first 8 channels, q0 of the others;
 * q2 and q3 = 256 * L. q4 and q5 hold masks, q6 -128. */
EE int8_t *take_apart(int8_t *p, int32_t asides, int32_t bits)
{
    const int32_t low = bits - 8;
    p = load_sums(p);
    ee_srcmb_s8_qacc(0, bits);
    if (asides > 0) {
        ee_zero_qacc();
        ee_vsmulas_s8_qacc(0, 7, ONE);
        pie_add_multiples(p - 16 * asides, asides);
        ee_srcmb_s8_qacc(0, 0);
    }
    p = keep_bits(1, 4, p, 16);
    p = keep_bits(2, 4, p, 16);
    p = keep_bits(1, 5, p, -32);
    /* M less 128 */
    p = load_sums(p);
    ee_vsmulas_s8_qacc(6, 7, UNIT);
    ee_srcmb_s8_qacc(1, low);
    p = load_sums(p);
    ee_vsmulas_s8_qacc(6, 7, UNIT);
    ee_vsmulas_s8_qacc(1, 7, MINUS_UNIT);
    ee_srcmb_s8_qacc(3, 0);
    ee_xorq(1, 1, 6);
    ee_vzip_8(1, 0);
    ee_zero_q(2);
    ee_vzip_8(2, 3);
    return p;
}

EE void requantise(const scales_t *scales, const sums_t *sums, const int8_t *numbers, bool is_signed)
{
    const int8_t *masks = scales->masks;
    const int32_t bits = scales->bits, shift = scales->shift;
    const int32_t asides = sums->asides, step = SUM_BYTES + 16 * asides, y_step = sums->y_step;
    int8_t *from = sums->sums + 16 * asides, *y = sums->y;
    for (int32_t count = sums->count; count > 0; count--) {
        masks = ee_vld_128_ip(4, masks, 16);
        masks = ee_vld_128_ip(5, masks, 16);
        masks = ee_vld_128_ip(6, masks, -32);
        from = take_apart(from, asides, bits);
        const int8_t *k = ee_vld_128_ip(4, numbers, 16);
        k = scale_half(1, 2, 4, 5, is_signed, k, bits, shift);
        scale_half(0, 3, 5, 4, is_signed, k, bits, shift); /* what this reads ahead is not used: SCALES_AHEAD */
        ee_vunzip_8(1, 0);
        y = ee_vst_128_xp(0, y, y_step);
        from += step;
    }
}

void espdl_s3_requantise(const scales_t *scales, const sums_t *sums, const int8_t *numbers)
{
    ee_vld_128_ip(7, scales->lanes, 0);
    if (scales->is_signed) {
        requantise(scales, sums, numbers, true);
    } else {
        requantise(scales, sums, numbers, false);
    }
}
