/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Scheme affine: from sums of 20 bits to outputs.
 *
 * The kernels leave sums as QACC holds them, SUM_BYTES for 16 channels, and set multiples of 2^bits aside where sums
 * are in parts. In three pieces, int8 each, a sum is 2^bits * T + 2^low * M + L, with low = bits - 8 and 0 <= M < 256,
 * so that H = 256 * T + M has 16 bits. With a factor of 16 + 2 * bits bits, an output is what
 * (H * factor + 256 * L * (factor >> bits) + offset) >> (2 * bits + shift + 8) leaves, computed in three stages of
 * 16-bit factors in lanes of 40 bits, so that nothing but the lowest bits of L's product is lost. Which constants give
 * the wanted outputs exactly is found and proven at compile time.
 */
#pragma once

#include <stdint.h>

#include "espdl/esp32s3/affine.h"
#include "finish.h"

/** Of 16 channels: for 8 of them, then for the others, 5 vectors of int16, or 7 where outputs have both signs. */
#define SCALE_BYTES(p) ((p)->is_signed ? 224 : 160)

/** What all outputs of a layer share. */
typedef struct {
    _Alignas(16) int8_t lanes[16]; /**< of q7 */
    const int8_t *masks;           /**< of the lowest bits of QACC's lanes: its first 16 bytes, its last ones */
    int32_t bits, shift, is_signed;
} scales_t;

/** Where sums are, and where outputs go. */
typedef struct {
    int8_t *sums;       /**< of the first pixel; changed */
    int32_t asides;     /**< vectors of multiples of 2^bits in front of the sums of each 16 channels, to be added */
    int8_t *y;          /**< may be `sums` */
    int32_t y_step;     /**< from output to output of 16 channels */
    int32_t count;      /**< of sums, all of the same 16 channels */
} sums_t;

/** Lanes of q7, of int16: the units of an offset's two numbers. */
enum { FINE = 1, COARSE = 3 };

/**
 * Register h of 8 channels becomes 256 times their outputs, and more; l: 256 * L; `middle`, other: free, q`middle`
 * holds the first constants, and q`other` is left holding the next.
 */
EE const int8_t *scale_half(int h, int l, int middle, int other, bool is_signed, const int8_t *k, int32_t bits,
                            int32_t shift)
{
    ee_zero_qacc();
    k = ee_vmulas_s16_qacc_ld_ip(other, k, 16, l, middle);
    k = ee_vmulas_s16_qacc_ld_ip(other, k, 16, h, other);
    ee_srcmb_s16_qacc(6, bits);
    k = ee_vsmulas_s16_qacc_ld_incp(other, k, other, 7, FINE);
    ee_vmulas_s16_qacc(h, middle);
    ee_vmulas_s16_qacc(l, other);
    ee_srcmb_s16_qacc(6, bits);
    k = ee_vmulas_s16_qacc_ld_ip(other, k, 16, h, other);
    k = ee_vsmulas_s16_qacc_ld_incp(other, k, other, 7, COARSE);
    if (is_signed) {
        ee_vcmp_lt_s16(6, h, other);
        k = ee_vld_128_ip(other, k, 16);
        k = ee_vmulas_s16_qacc_ld_ip(other, k, 16, 6, other);
    }
    ee_srcmb_s16_qacc(h, shift);
    return k;
}

void espdl_s3_make_scales(scales_t *scales, const espdl_s3_scale_params_t *p);

/** Outputs saturated to int8, of which activations may still cut. `numbers`: of these 16 channels, see SCALE_BYTES. */
void espdl_s3_requantise(const scales_t *scales, const sums_t *s, const int8_t *numbers);
