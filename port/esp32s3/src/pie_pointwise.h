/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Pointwise convolutions that hold all channels of a pixel in registers, for all groups of outputs. See
 * pie_rectangle.h; q0 .. q3 hold the pixel, q4 and q5 weights, q7 results. Outputs lie one behind the other.
 */
#pragma once

#include "pie_rectangle.h"

#if defined(__XTENSA__)

#define PIE_W_PAIR(x, even, odd)                                                                                       \
    "ee.vsmulas.s8.qacc.ld.incp q4,%[w],q4," x "," #even "\n"                                                          \
    "ee.vsmulas.s8.qacc.ld.incp q5,%[w],q5," x "," #odd "\n"
#define PIE_W_LOW(x) PIE_W_PAIR(x, 0, 1) PIE_W_PAIR(x, 2, 3) PIE_W_PAIR(x, 4, 5) PIE_W_PAIR(x, 6, 7)
#define PIE_W_HIGH(x) PIE_W_PAIR(x, 8, 9) PIE_W_PAIR(x, 10, 11) PIE_W_PAIR(x, 12, 13) PIE_W_PAIR(x, 14, 15)
#define PIE_W_LANES(x) PIE_W_LOW(x) PIE_W_HIGH(x)
#define PIE_BIAS_AHEAD                                                                                                 \
    "ee.ld.qacc_l.l.128.ip %[b],16\n"                                                                                  \
    "ee.ld.qacc_h.l.128.ip %[b],16\n"                                                                                  \
    "ee.ld.qacc_l.h.32.ip %[b],4\n"                                                                                    \
    "ee.ld.qacc_h.h.32.ip %[b],12\n"
#define PIE_W_FINISH                                                                                                   \
    "ee.srcmb.s8.qacc q7,%[shift],0\n"                                                                                 \
    "ee.vmax.s8 q7,q7,q6\n"                                                                                            \
    "ee.vst.128.ip q7,%[y],16\n"

#define PIE_PIXEL_1 "ee.vld.128.xp q0,%[x],%[next]\n"
#define PIE_PIXEL_2 "ee.vld.128.ip q0,%[x],16\n" "ee.vld.128.xp q1,%[x],%[next]\n"
#define PIE_PIXEL_3 "ee.vld.128.ip q0,%[x],16\n" "ee.vld.128.ip q1,%[x],16\n" "ee.vld.128.xp q2,%[x],%[next]\n"
#define PIE_PIXEL_4                                                                                                    \
    "ee.vld.128.ip q0,%[x],16\n" "ee.vld.128.ip q1,%[x],16\n" "ee.vld.128.ip q2,%[x],16\n"                             \
    "ee.vld.128.xp q3,%[x],%[next]\n"
#define PIE_PRODUCTS_1 PIE_W_LANES("q0")
#define PIE_PRODUCTS_2 PIE_PRODUCTS_1 PIE_W_LANES("q1")
#define PIE_PRODUCTS_3 PIE_PRODUCTS_2 PIE_W_LANES("q2")
#define PIE_PRODUCTS_4 PIE_PRODUCTS_3 PIE_W_LANES("q3")

/* A hardware loop has at most 256 bytes. */
#define PIE_GROUPS_IN_LOOP(products)                                                                                   \
    "loopgtz %[groups],4f\n" PIE_BIAS_AHEAD products PIE_W_FINISH "4:\n"
#define PIE_GROUPS_COUNTED(products)                                                                                   \
    "mov %[g],%[groups]\n"                                                                                             \
    "4:\n" PIE_BIAS_AHEAD products "addi %[g],%[g],-1\n" PIE_W_FINISH "bnez %[g],4b\n"
#define PIE_POINTWISE(pixel, groups)                                                                                   \
    "2:\n"                                                                                                             \
    "l32i %[left],%[p]," PIE_COLUMNS "\n"                                                                              \
    "3:\n" pixel "mov %[w],%[weights]\n"                                                                               \
    "ee.vld.128.ip q4,%[w],16\n"                                                                                       \
    "ee.vld.128.ip q5,%[w],16\n"                                                                                       \
    "mov %[b],%[bias]\n"                                                                                               \
    "addi %[left],%[left],-1\n" groups                                                                                 \
    "bnez %[left],3b\n"                                                                                                \
    "l32i %[left],%[p]," PIE_X_NEXT "\n"                                                                               \
    "add %[x],%[x],%[left]\n"                                                                                          \
    "l32i %[left],%[p]," PIE_ROWS "\n"                                                                                 \
    "addi %[left],%[left],-1\n"                                                                                        \
    "s32i %[left],%[p]," PIE_ROWS "\n"                                                                                 \
    "bnez %[left],2b\n"
#define PIE_POINTWISE_BLOCK(vectors, groups_loop)                                                                      \
    EE_ASM(PIE_POINTWISE(PIE_PIXEL_##vectors, groups_loop(PIE_PRODUCTS_##vectors))                                     \
           : [x] "+r"(at.x), [y] "+r"(at.y), [w] "=&r"(w), [b] "=&r"(b), [left] "=&r"(left), [g] "=&r"(g)              \
           : [weights] "r"(at.weights), [bias] "r"(at.bias), [p] "r"(p), [next] "r"(p->next), [groups] "r"(groups),    \
             [shift] "r"(p->shift))

#else

static KEEP_APART const int8_t *twin_products(const int8_t *w, int x, int first, int last)
{
    for (int lane = first; lane <= last; lane++) {
        w = ee_vsmulas_s8_qacc_ld_incp(4 + (lane & 1), w, 4 + (lane & 1), x, lane);
    }
    return w;
}

static KEEP_APART void twin_pixel(int vectors, pie_places_t *at, const pie_rectangle_t *p, int32_t groups)
{
    const int8_t *w = at->weights, *b = at->bias;
    for (int i = 0; i < vectors; i++) {
        at->x = ee_vld_128_xp(i, at->x, i == vectors - 1 ? p->next : 16);
    }
    w = ee_vld_128_ip(4, w, 16);
    w = ee_vld_128_ip(5, w, 16);
    PIE_LOOP(groups)
    {
        b = pie_load_bias_ahead(b);
        for (int i = 0; i < vectors; i++) {
            w = twin_products(w, i, 0, 15);
        }
        ee_srcmb_s8_qacc(7, p->shift);
        ee_vmax_s8(7, 7, 6);
        at->y = ee_vst_128_ip(7, at->y, 16);
    }
}

#define PIE_POINTWISE_BLOCK(vectors, groups_loop)                                                                      \
    (void)w, (void)b, (void)left, (void)g;                                                                             \
    PIE_OUTPUTS(at, p) twin_pixel(vectors, &at, p, groups)

#endif

/**
 * `groups` vectors of outputs for each pixel of 16 * `vectors` (1 .. 4, a literal) channels; from the last vector of a
 * pixel `p->next` bytes go to the next pixel; `p->y_next` is 0. Changes q0 .. q5, q7.
 */
EE void pie_pointwise(int vectors, pie_places_t at, pie_rectangle_t *p, int32_t groups)
{
    const int8_t *w, *b;
    int32_t left, g;
    switch (vectors) {
    case 1: PIE_POINTWISE_BLOCK(1, PIE_GROUPS_IN_LOOP); break;
    case 2: PIE_POINTWISE_BLOCK(2, PIE_GROUPS_IN_LOOP); break;
    case 3: PIE_POINTWISE_BLOCK(3, PIE_GROUPS_IN_LOOP); break;
    default: PIE_POINTWISE_BLOCK(4, PIE_GROUPS_COUNTED); break;
    }
}

/**
 * 16 outputs for each of `pairs` neighbours of 8 channels; weights of one pixel stand there twice. Changes q0, q4, q5,
 * q7.
 */
EE void pie_pointwise_pairs(pie_places_t at, int32_t pairs, int32_t shift)
{
    const int8_t *w = at.weights;
    w = ee_vld_128_ip(4, w, 16);
    w = ee_vld_128_ip(5, w, 16);
#if defined(__XTENSA__)
    const int8_t *b = at.bias;
    EE_ASM("loopgtz %[pairs],1f\n"
           "ee.vld.128.ip q0,%[x],16\n" PIE_BIAS("%[b]") PIE_W_LOW("q0") PIE_W_FINISH PIE_BIAS("%[b]")
           PIE_W_PAIR("q0", 8, 9) PIE_W_PAIR("q0", 10, 11) PIE_W_PAIR("q0", 12, 13)
           "mov %[w],%[weights]\n" PIE_W_PAIR("q0", 14, 15) PIE_W_FINISH
           "1:\n"
           : [x] "+r"(at.x), [y] "+r"(at.y), [w] "+r"(w), [b] "+r"(b)
           : [pairs] "r"(pairs), [weights] "r"(at.weights), [shift] "r"(shift));
#else
    PIE_LOOP(pairs)
    {
        at.x = ee_vld_128_ip(0, at.x, 16);
        for (int half = 0; half < 16; half += 8) {
            pie_load_bias(at.bias);
            w = twin_products(w, 0, half, half + 5);
            w = half == 0 ? w : at.weights;
            w = twin_products(w, 0, half + 6, half + 7);
            ee_srcmb_s8_qacc(7, shift);
            ee_vmax_s8(7, 7, 6);
            at.y = ee_vst_128_ip(7, at.y, 16);
        }
    }
#endif
}

/**
 * The sums of `count` pixels of 16 * (`more` + 1) channels; from behind a pixel `next` bytes go to the next. Changes q0
 * .. q2.
 */
EE void pie_pointwise_sums(pie_places_t at, int32_t count, int32_t more, int32_t next)
{
    const int8_t *w = at.weights;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
#if defined(__XTENSA__)
    EE_ASM("3:\n" PIE_BIAS("%[bias]") PIE_FIRST PIE_VECTORS
           "mov %[w],%[weights]\n" PIE_LANES_14_15("q0")
           "add %[x],%[x],%[next]\n" PIE_STORE_SUMS("%[y]")
           "bnez %[left],3b\n"
           : [x] "+r"(at.x), [y] "+r"(at.y), [w] "+r"(w), [bias] "+r"(at.bias), [left] "+r"(count)
           : [weights] "r"(at.weights), [more] "r"(more), [next] "r"(next));
#else
    for (; count > 0; count--, at.x += next) {
        pie_load_bias(at.bias);
        at.x = ee_vld_128_ip(0, at.x, 16);
        twin_vectors(&w, &at.x, more);
        w = twin_lanes(0, at.weights, 14, 15);
        at.y = store_sums(at.y);
    }
#endif
}
