/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * 3 x 3 depthwise convolution of 16 channels over an image that lies apart with its border, one vector a pixel: all
 * rows of outputs in one block. See pie_rectangle.h; here q0 and q1 hold input, q3 .. q7 the weights of taps 0, 2, 4, 6
 * and 8, q2 in turn those of 1, 3, 5 and 7, and the results.
 */
#pragma once

#include "pie_rectangle.h"

#if defined(__XTENSA__)

#define PIE_DEPTHWISE_STORE(relu) "ee.srcmb.s8.qacc q2,%[shift],0\n" relu "ee.vst.128.xp q2,%[y],%[y_step]\n"
#define PIE_DEPTHWISE_RELU PIE_DEPTHWISE_STORE("ee.vrelu.s8 q2,%[zero],%[zero]\n")
#define PIE_NO_RELU PIE_DEPTHWISE_STORE("")
#define PIE_DEPTHWISE_SUMS                                                                                             \
    "ee.st.qacc_l.l.128.ip %[y],16\n"                                                                                  \
    "ee.st.qacc_h.l.128.ip %[y],16\n"                                                                                  \
    "ee.st.qacc_l.h.32.ip %[y],4\n"                                                                                    \
    "ee.st.qacc_h.h.32.ip %[y],12\n"
#define PIE_DEPTHWISE_3X3(finish)                                                                                      \
    EE_ASM("2:\n"                                                                                                      \
           "ee.vld.128.ip q0,%[x],16\n"                                                                                \
           "l32i %[left],%[p]," PIE_COLUMNS "\n"                                                                       \
           "ee.vld.128.ip q1,%[x],16\n"                                                                                \
           "loopgtz %[left],3f\n" PIE_BIAS("%[bias]")                                                                  \
           "ee.vmulas.s8.qacc.ld.xp q0,%[x],%[jump],q0,q3\n"                                                           \
           "ee.vmulas.s8.qacc.ld.ip q1,%[x],16,q1,q2\n"                                                                \
           "ee.vld.128.ip q2,%[w],16\n"                                                                                \
           "ee.vmulas.s8.qacc.ld.ip q0,%[x],16,q0,q4\n"                                                                \
           "ee.vmulas.s8.qacc.ld.xp q1,%[x],%[jump],q1,q2\n"                                                           \
           "ee.vld.128.ip q2,%[w],16\n"                                                                                \
           "ee.vmulas.s8.qacc.ld.ip q0,%[x],16,q0,q5\n"                                                                \
           "ee.vmulas.s8.qacc.ld.ip q1,%[x],16,q1,q2\n"                                                                \
           "ee.vld.128.ip q2,%[w],-48\n"                                                                               \
           "ee.vmulas.s8.qacc.ld.xp q0,%[x],%[next],q0,q6\n"                                                           \
           "ee.vmulas.s8.qacc.ld.ip q1,%[x],-16,q1,q2\n"                                                               \
           "ee.vmulas.s8.qacc.ld.ip q0,%[x],32,q0,q7\n"                                                                \
           finish                                                                                                      \
           "ee.vld.128.ip q2,%[w],16\n"                                                                                \
           "3:\n"                                                                                                      \
           "l32i %[left],%[p]," PIE_X_NEXT "\n"                                                                        \
           "add %[x],%[x],%[left]\n"                                                                                   \
           "l32i %[left],%[p]," PIE_Y_NEXT "\n"                                                                        \
           "add %[y],%[y],%[left]\n"                                                                                   \
           "l32i %[left],%[p]," PIE_ROWS "\n"                                                                          \
           "addi %[left],%[left],-1\n"                                                                                 \
           "s32i %[left],%[p]," PIE_ROWS "\n"                                                                          \
           "bnez %[left],2b\n"                                                                                         \
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [w] "+r"(w), [left] "=&r"(left)                     \
           : [p] "r"(p), [jump] "r"(p->jump), [next] "r"(p->next), [y_step] "r"(p->y_step), [shift] "r"(p->shift),     \
             [zero] "r"(zero))

#else

static KEEP_APART void twin_depthwise(pie_places_t *at, const int8_t *w, const pie_rectangle_t *p, bool relu, bool sums)
{
    int8_t *y = at->y;
    const int8_t *x = at->x;
    x = ee_vld_128_ip(0, x, 16);
    x = ee_vld_128_ip(1, x, 16);
    PIE_LOOP(p->columns)
    {
        pie_load_bias(at->bias);
        x = ee_vmulas_s8_qacc_ld_xp(0, x, p->jump, 0, 3);
        x = ee_vmulas_s8_qacc_ld_ip(1, x, 16, 1, 2);
        w = ee_vld_128_ip(2, w, 16);
        x = ee_vmulas_s8_qacc_ld_ip(0, x, 16, 0, 4);
        x = ee_vmulas_s8_qacc_ld_xp(1, x, p->jump, 1, 2);
        w = ee_vld_128_ip(2, w, 16);
        x = ee_vmulas_s8_qacc_ld_ip(0, x, 16, 0, 5);
        x = ee_vmulas_s8_qacc_ld_ip(1, x, 16, 1, 2);
        w = ee_vld_128_ip(2, w, -48);
        x = ee_vmulas_s8_qacc_ld_xp(0, x, p->next, 0, 6);
        x = ee_vmulas_s8_qacc_ld_ip(1, x, -16, 1, 2);
        x = ee_vmulas_s8_qacc_ld_ip(0, x, 32, 0, 7);
        if (sums) {
            y = store_sums(y);
        } else {
            ee_srcmb_s8_qacc(2, p->shift);
            if (relu) {
                ee_vrelu_s8(2, 0, 0);
            }
            y = ee_vst_128_xp(2, y, p->y_step);
        }
        w = ee_vld_128_ip(2, w, 16);
    }
    at->x = x;
    at->y = y;
}

#define PIE_DEPTHWISE_RELU true, false
#define PIE_NO_RELU false, false
#define PIE_DEPTHWISE_SUMS false, true
#define PIE_DEPTHWISE_3X3(...)                                                                                         \
    (void)left, (void)zero;                                                                                            \
    for (; p->rows > 0; twin_next_row(&at, p)) twin_depthwise(&at, w, p, __VA_ARGS__)

#endif

/* q3 .. q7, q2: the first weights; where the others are. */
EE const int8_t *load_taps(const int8_t *w)
{
    w = ee_vld_128_ip(3, w, 16);
    w = ee_vld_128_ip(4, w, 16);
    w = ee_vld_128_ip(5, w, 16);
    w = ee_vld_128_ip(6, w, 16);
    w = ee_vld_128_ip(7, w, 16);
    return ee_vld_128_ip(2, w, 16);
}

/**
 * Outputs, in order of the taps 0, 2, 4, 6, 8, 1, 3, 5, 7 at `at.weights`. `p->jump`: from the third tap of a row to
 * the first of the next; `p->next`: from the last tap to the second of the next output; `p->x_next` from behind the
 * first two taps of what would follow in the row, which are loaded too, to the next row. `relu`: results below 0 become
 * 0. Changes all registers.
 */
EE void pie_depthwise_3x3(pie_places_t at, pie_rectangle_t *p, bool relu)
{
    const int32_t zero = 0;
    const int8_t *w = load_taps(at.weights);
    int32_t left;
    if (relu) {
        PIE_DEPTHWISE_3X3(PIE_DEPTHWISE_RELU);
    } else {
        PIE_DEPTHWISE_3X3(PIE_NO_RELU);
    }
}

/** The same, of which QACC is stored, as it is. */
EE void pie_depthwise_3x3_sums(pie_places_t at, pie_rectangle_t *p)
{
    const int32_t zero = 0;
    const int8_t *w = load_taps(at.weights);
    int32_t left;
    PIE_DEPTHWISE_3X3(PIE_DEPTHWISE_SUMS);
}
