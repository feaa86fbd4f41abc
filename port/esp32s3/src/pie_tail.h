/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Products with any number of bytes at any address.
 */
#pragma once

#include "pie_loops.h"
#include "pie_parts.h"

#define MAC(i) w = ee_vsmulas_s8_qacc_ld_incp(1 + ((i) & 1), w, 1 + ((i) & 1), 0, i)
#define MAC4(i) MAC(i); MAC((i) + 1); MAC((i) + 2); MAC((i) + 3)

/* QACC += weights times the last 1 .. 16 bytes of a segment, which end at `last`; q3 holds the block before, q6 the
 * mask. The weights that come on top to make whole fours meet zeros. */
EE void add_tail(const int8_t *w, const int8_t *last, int32_t lanes)
{
    ee_vld_128_block_xp(4, last, 0);
    ee_src_q(0, 3, 4);
    ee_andq(0, 0, 6);
    MAC4(0);
    if (lanes > 4) {
        MAC4(4);
    }
    if (lanes > 8) {
        MAC4(8);
    }
    if (lanes > 12) {
        MAC4(12);
    }
}

/** QACC += weights times the bytes of a segment at `x`; q6 masks its last vector. Changes q0 .. q4. */
EE void add_segment(const int8_t *w, const int8_t *x, const pie_segment_t *segment)
{
    const int8_t *from = x;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
    from = ee_ld_128_usar_ip(3, from, 16);
    pie_mac_unaligned(&w, &from, segment->more);
    add_tail(w, x + 16 * segment->more + segment->rest - 1, segment->rest);
}
