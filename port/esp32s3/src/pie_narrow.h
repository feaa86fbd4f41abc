/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions whose kernel rows have at most 16 bytes, at any address, a rectangle of outputs at a time. See
 * pie_rectangle.h; q4 and q5 hold the blocks that a row lies in, q7 masks its bytes.
 */
#pragma once

#include "pie_rectangle.h"

#if defined(__XTENSA__)

/* The first lanes of q0: the last two come after all others, because they may fetch from somewhere else. */
#define PIE_LANES_BUT_2_2
#define PIE_LANES_BUT_2_4 PIE_PAIR("q0", 0, 1)
#define PIE_LANES_BUT_2_6 PIE_LANES_BUT_2_4 PIE_PAIR("q0", 2, 3)
#define PIE_LANES_BUT_2_8 PIE_LANES_BUT_2_6 PIE_PAIR("q0", 4, 5)
#define PIE_LANES_BUT_2_10 PIE_LANES_BUT_2_8 PIE_PAIR("q0", 6, 7)
#define PIE_LANES_BUT_2_12 PIE_LANES_BUT_2_10 PIE_PAIR("q0", 8, 9)
#define PIE_LANES_BUT_2_14 PIE_LANES_BUT_2_12 PIE_PAIR("q0", 10, 11)
#define PIE_LANES_BUT_2_16 PIE_LANES_BUT_2_14 PIE_PAIR("q0", 12, 13)
#define PIE_LAST_2_2 PIE_PAIR("q0", 0, 1)
#define PIE_LAST_2_4 PIE_PAIR("q0", 2, 3)
#define PIE_LAST_2_6 PIE_PAIR("q0", 4, 5)
#define PIE_LAST_2_8 PIE_PAIR("q0", 6, 7)
#define PIE_LAST_2_10 PIE_PAIR("q0", 8, 9)
#define PIE_LAST_2_12 PIE_PAIR("q0", 10, 11)
#define PIE_LAST_2_14 PIE_PAIR("q0", 12, 13)
#define PIE_LAST_2_16 PIE_PAIR("q0", 14, 15)

#define PIE_MASK "ee.andq q0,q0,q7\n"
#define PIE_NO_MASK
#define PIE_LOAD_ROW                                                                                                   \
    "ee.ld.128.usar.xp q4,%[x],%[last]\n"                                                                              \
    "ee.vld.128.xp q5,%[x],%[jump]\n"
#define PIE_WINDOW_NARROW(lanes, mask)                                                                                 \
    PIE_LOAD_ROW "loopgtz %[more],1f\n"                                                                                \
    "ee.src.q q0,q4,q5\n" PIE_LOAD_ROW mask PIE_LANES_BUT_2_##lanes PIE_LAST_2_##lanes                                 \
    "1:\n"                                                                                                             \
    "ee.src.q q0,q4,q5\n" mask PIE_LANES_BUT_2_##lanes "mov %[w],%[weights]\n" PIE_LAST_2_##lanes                      \
    "add %[x],%[x],%[next]\n"
/* Outputs, or with PIE_SUMS sums. */
#define PIE_END_NARROW                                                                                                 \
    "bnez %[other],6f\n"                                                                                               \
    "ee.srcmb.s8.qacc q3,%[shift],0\n" PIE_STORE("", "%[y_step]") PIE_END_ROWS                                         \
    "6:\n" PIE_STORE_SUMS("%[y]") PIE_NEXT_OUTPUT                                                                      \
    "9:\n"
#define PIE_NARROW_BLOCK(lanes, mask)                                                                                  \
    EE_ASM(PIE_BEGIN_RECTANGLE PIE_WINDOW_NARROW(lanes, mask) PIE_END_NARROW                                           \
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [other] "+r"(at.other), [w] "=&r"(w),               \
             [left] "=&r"(left)                                                                                        \
           : [weights] "r"(at.weights), [p] "r"(p), [jump] "r"(p->jump), [last] "r"(last), [next] "r"(p->next),        \
             [more] "r"(p->taps_more), [shift] "r"(p->shift), [y_step] "r"(p->y_step))

#else

#define PIE_MASK true
#define PIE_NO_MASK false
#define PIE_NARROW_BLOCK(lanes, mask)                                                                                  \
    (void)left;                                                                                                        \
    twin_begin(at.weights, &w);                                                                                        \
    PIE_OUTPUTS(at, p) twin_narrow(lanes, mask, &at, &w, p, last)

static KEEP_APART void twin_narrow(int lanes, bool masked, pie_places_t *at, const int8_t **w, const pie_rectangle_t *p,
                          int32_t last)
{
    pie_load_bias(at->bias);
    at->x = ee_ld_128_usar_xp(4, at->x, last);
    at->x = ee_vld_128_block_xp(5, at->x, p->jump);
    for (int32_t more = p->taps_more; more >= 0; more--) {
        ee_src_q(0, 4, 5);
        if (more > 0) {
            at->x = ee_ld_128_usar_xp(4, at->x, last);
            at->x = ee_vld_128_block_xp(5, at->x, p->jump);
        }
        if (masked) {
            ee_andq(0, 0, 7);
        }
        *w = twin_lanes(0, *w, 0, lanes - 3);
        *w = more > 0 ? *w : at->weights;
        *w = twin_lanes(0, *w, lanes - 2, lanes - 1);
    }
    at->x += p->next;
    finish_output(at, p);
}

#endif

/**
 * Outputs of `p->taps_more` + 1 rows of `lanes` (even, 2 .. 16) bytes; `masked`: of those bytes AND q7. `at.other` is
 * NULL or PIE_SUMS. A row has `last` + 1 bytes, the others are arbitrary; the next begins `p->jump` bytes behind its
 * last, the next window `p->next` bytes behind where a row below the window's last would begin. Changes q0 .. q5.
 */
EE void pie_rectangle_narrow(int lanes, bool masked, pie_places_t at, pie_rectangle_t *p, int32_t last)
{
    const int8_t *w;
    int32_t left;
    switch (lanes) {
#define PIE_NARROW(n)                                                                                                  \
    case n:                                                                                                            \
        if (masked) {                                                                                                  \
            PIE_NARROW_BLOCK(n, PIE_MASK);                                                                             \
        } else {                                                                                                       \
            PIE_NARROW_BLOCK(n, PIE_NO_MASK);                                                                          \
        }                                                                                                              \
        break;
        PIE_NARROW(2)
        PIE_NARROW(4)
        PIE_NARROW(6)
        PIE_NARROW(8)
        PIE_NARROW(10)
        PIE_NARROW(12)
        PIE_NARROW(14)
        PIE_NARROW(16)
    default: break;
    }
}
