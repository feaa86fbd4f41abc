/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Windows of 3 or 4 columns of at most 16 bytes each, in an image that lies column by column: all columns in registers,
 * for all groups of outputs. See pie_pointwise.h.
 */
#pragma once

#include "pie_pointwise.h"

#if defined(__XTENSA__)

#define PIE_COLUMN(q, step)                                                                                            \
    "ee.ld.128.usar.ip q4,%[x],16\n"                                                                                   \
    "ee.vld.128.xp q5,%[x]," step "\n"                                                                                 \
    "ee.src.q " q ",q4,q5\n"
#define PIE_WINDOW_OF_3 PIE_COLUMN("q0", "%[jump]") PIE_COLUMN("q1", "%[jump]") PIE_COLUMN("q2", "%[next]")
#define PIE_WINDOW_OF_4                                                                                                \
    PIE_COLUMN("q0", "%[jump]") PIE_COLUMN("q1", "%[jump]") PIE_COLUMN("q2", "%[jump]") PIE_COLUMN("q3", "%[next]")
#define PIE_W_LANES_8(x) PIE_W_LOW(x)
#define PIE_W_LANES_10(x) PIE_W_LANES_8(x) PIE_W_PAIR(x, 8, 9)
#define PIE_W_LANES_12(x) PIE_W_LANES_10(x) PIE_W_PAIR(x, 10, 11)
#define PIE_W_LANES_14(x) PIE_W_LANES_12(x) PIE_W_PAIR(x, 12, 13)
#define PIE_TURNED_3(lanes) PIE_W_LANES_##lanes("q0") PIE_W_LANES_##lanes("q1") PIE_W_LANES_##lanes("q2")
#define PIE_TURNED_4(lanes) PIE_TURNED_3(lanes) PIE_W_LANES_##lanes("q3")
#define PIE_TURNED_BLOCK(columns, lanes)                                                                               \
    EE_ASM(PIE_POINTWISE(PIE_WINDOW_OF_##columns, PIE_GROUPS_IN_LOOP(PIE_TURNED_##columns(lanes)))                     \
           : [x] "+r"(at.x), [y] "+r"(at.y), [w] "=&r"(w), [b] "=&r"(b), [left] "=&r"(left)                            \
           : [weights] "r"(at.weights), [bias] "r"(at.bias), [p] "r"(p), [jump] "r"(p->jump), [next] "r"(p->next),     \
             [groups] "r"(groups), [shift] "r"(p->shift))

#else

static KEEP_APART void twin_turned(int columns, int lanes, pie_places_t *at, const pie_rectangle_t *p, int32_t groups)
{
    const int8_t *w = at->weights, *b = at->bias;
    for (int i = 0; i < columns; i++) {
        at->x = ee_ld_128_usar_ip(4, at->x, 16);
        at->x = ee_vld_128_block_xp(5, at->x, i == columns - 1 ? p->next : p->jump);
        ee_src_q(i, 4, 5);
    }
    w = ee_vld_128_ip(4, w, 16);
    w = ee_vld_128_ip(5, w, 16);
    PIE_LOOP(groups)
    {
        b = pie_load_bias_ahead(b);
        for (int i = 0; i < columns; i++) {
            w = twin_products(w, i, 0, lanes - 1);
        }
        ee_srcmb_s8_qacc(7, p->shift);
        ee_vmax_s8(7, 7, 6);
        at->y = ee_vst_128_ip(7, at->y, 16);
    }
}

#define PIE_TURNED_BLOCK(columns, lanes)                                                                               \
    (void)w, (void)b, (void)left;                                                                                      \
    PIE_OUTPUTS(at, p) twin_turned(columns, lanes, &at, p, groups)

#endif

#define PIE_TURNED_COLUMNS(lanes)                                                                                      \
    case lanes:                                                                                                        \
        if (columns == 3) {                                                                                            \
            PIE_TURNED_BLOCK(3, lanes);                                                                                \
        } else {                                                                                                       \
            PIE_TURNED_BLOCK(4, lanes);                                                                                \
        }                                                                                                              \
        break;

/**
 * `groups` vectors of outputs for each window of `columns` (3 or 4) columns of `lanes` (8, 10, 12 or 14) bytes;
 * literals both. From 16 bytes behind the first byte of a column `p->jump` bytes go to the next, from there behind the
 * last `p->next` to the next window; `p->y_next` is 0. Changes q0 .. q5, q7.
 */
EE void pie_turned(int columns, int lanes, pie_places_t at, pie_rectangle_t *p, int32_t groups)
{
    const int8_t *w, *b;
    int32_t left;
    switch (lanes) {
        PIE_TURNED_COLUMNS(8)
        PIE_TURNED_COLUMNS(10)
        PIE_TURNED_COLUMNS(12)
        PIE_TURNED_COLUMNS(14)
    default: break;
    }
}
