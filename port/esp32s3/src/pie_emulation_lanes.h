/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Emulation of the vector unit's instructions on lanes of int8 and int16, as in pie.h; the end of pie_emulation.h.
 */
#pragma once

/* Lane by lane of int16: a value of `a` and `b`, those of x and y. */
#define PIE_OF_WORDS(to, x, y, value)                                                                                  \
    pie_op();                                                                                                          \
    for (int i = 0; i < 16; i += 2) {                                                                                  \
        int16_t a, b;                                                                                                  \
        memcpy(&a, &espdl_pie.q[x][i], 2);                                                                             \
        memcpy(&b, &espdl_pie.q[y][i], 2);                                                                             \
        const int16_t result = (int16_t)(value);                                                                       \
        memcpy(&espdl_pie.q[to][i], &result, 2);                                                                       \
    }

EE void ee_vcmp_lt_s16(int to, int x, int y)
{
    PIE_OF_WORDS(to, x, y, a < b ? -1 : 0)
}

EE void ee_vsubs_s16(int to, int x, int y)
{
    PIE_OF_WORDS(to, x, y, pie_saturate(a - b, INT16_MIN, INT16_MAX))
}

EE void ee_vrelu_s8(int q, int32_t factor, int32_t shift)
{
    pie_op();
    for (int i = 0; i < 16; i++) {
        const int32_t lane = espdl_pie.q[q][i];
        espdl_pie.q[q][i] = (int8_t)(lane > 0 ? lane : (lane * factor) >> shift);
    }
}

/* Lane by lane: that of x where the lanes of `low` are less than those of `high`, else that of y. */
EE void pie_choose(int to, int x, int y, int low, int high)
{
    pie_op();
    for (int i = 0; i < 16; i++) {
        espdl_pie.q[to][i] = espdl_pie.q[low][i] < espdl_pie.q[high][i] ? espdl_pie.q[x][i] : espdl_pie.q[y][i];
    }
}

EE void ee_vmax_s8(int to, int x, int y)
{
    pie_choose(to, x, y, y, x);
}

EE void ee_vmin_s8(int to, int x, int y)
{
    pie_choose(to, x, y, x, y);
}
