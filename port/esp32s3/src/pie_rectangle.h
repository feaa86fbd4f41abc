/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Convolutions of whole vectors of channels, a rectangle of outputs at a time: 16 channels of all outputs that use the
 * same taps. Pixels and rows go on inside one asm block, because GCC makes no hardware loop around one; on other
 * machines the same sequence stands there in C. The last two weights that an output loads are the first two of the
 * next.
 *
 * Vector registers: q0 input, q1 and q2 weights, q3 results, q4 and q5 masks of sums in parts, q6 the least output in
 * all lanes, q7 the factors LANE_*.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "finish.h"

/** Lanes of q7: what brings the parts of a sum to the output's unit; the factors of a sum of two tensors. */
enum { LANE_PARTS = 0, LANE_A = 1, LANE_B = 2 };

/** A rectangle of outputs; steps in bytes. */
typedef struct espdl_s3_rectangle {
    _Alignas(16) int8_t start[BIAS_BYTES]; /**< QACC of the sum behind the convolution */
    int32_t rows, columns;                 /**< of outputs; `rows` is counted down */
    int32_t x_next, y_next;                /**< from the end of a row of outputs to the next */
    int32_t y_step;                        /**< from output to output */
    int32_t next;                          /**< from the end of a window to the next window */
    int32_t shift, sum_shift;              /**< of the convolution, of the sum behind it */
    int32_t more;                          /**< vectors in a row of a window, less one */
    int32_t jump, w_jump;                  /**< from the end of a window's row to the next: input, weights */
    int32_t taps_more;                     /**< rows of a window, less one */
    int32_t bits;                          /**< sums in parts: what is set aside counts in 2^bits */
    int32_t asides;                        /**< how often that is; with PIE_SUMS how often less than in other windows */
    _Alignas(16) int8_t spill[BIAS_BYTES]; /**< where sums are parted */
} pie_rectangle_t;

/** Where the addresses of a rectangle begin. */
typedef struct espdl_s3_places {
    const int8_t *x, *weights, *bias;
    int8_t *y;
    /**
     * NULL; or what is added to the outputs, moves as `y` does; or PIE_SUMS: QACC is stored as it is, SUM_BYTES each.
     */
    const int8_t *other;
} pie_places_t;

#define PIE_SUMS ((const int8_t *)(intptr_t)-1)

/* What blocks do at the end of an output, which is q3; what lies at `at->other` is added. */
static KEEP_APART void store_output(pie_places_t *at, const pie_rectangle_t *p)
{
    if (at->other != NULL) {
        at->other = ee_vld_128_xp(0, at->other, p->y_step);
        pie_load_bias(p->start);
        ee_vsmulas_s8_qacc(3, 7, LANE_A);
        ee_vsmulas_s8_qacc(0, 7, LANE_B);
        ee_srcmb_s8_qacc(3, p->sum_shift);
    }
    ee_vmax_s8(3, 3, 6);
    at->y = ee_vst_128_xp(3, at->y, p->y_step);
}

/* The same of the sum in QACC. */
static KEEP_APART void finish_output(pie_places_t *at, const pie_rectangle_t *p)
{
    if (at->other == PIE_SUMS) {
        at->y = store_sums(at->y);
        return;
    }
    ee_srcmb_s8_qacc(3, p->shift);
    store_output(at, p);
}

#if defined(__XTENSA__)

/* Of pie_rectangle_t, in asm. */
#define PIE_ROWS "48"
#define PIE_COLUMNS "52"
#define PIE_X_NEXT "56"
#define PIE_Y_NEXT "60"
#define PIE_Y_STEP "64"
#define PIE_NEXT "68"
#define PIE_SHIFT "72"
#define PIE_SUM_SHIFT "76"
#define PIE_TAPS_MORE "92"
_Static_assert(offsetof(pie_rectangle_t, rows) == 48 && offsetof(pie_rectangle_t, columns) == 52, "as in asm");
_Static_assert(offsetof(pie_rectangle_t, x_next) == 56 && offsetof(pie_rectangle_t, y_next) == 60, "as in asm");
_Static_assert(offsetof(pie_rectangle_t, y_step) == 64 && offsetof(pie_rectangle_t, next) == 68, "as in asm");
_Static_assert(offsetof(pie_rectangle_t, shift) == 72 && offsetof(pie_rectangle_t, sum_shift) == 76, "as in asm");
_Static_assert(offsetof(pie_rectangle_t, taps_more) == 92, "as in asm");

/* QACC += q1 (q2) * x[lane], and the next weights. */
#define PIE_EVEN(x, lane) "ee.vsmulas.s8.qacc.ld.incp q1,%[w],q1," x "," #lane "\n"
#define PIE_ODD(x, lane) "ee.vsmulas.s8.qacc.ld.incp q2,%[w],q2," x "," #lane "\n"
#define PIE_PAIR(x, even, odd) PIE_EVEN(x, even) PIE_ODD(x, odd)
#define PIE_LANES_0_13(x)                                                                                              \
    PIE_PAIR(x, 0, 1) PIE_PAIR(x, 2, 3) PIE_PAIR(x, 4, 5) PIE_PAIR(x, 6, 7) PIE_PAIR(x, 8, 9) PIE_PAIR(x, 10, 11)      \
    PIE_PAIR(x, 12, 13)
#define PIE_LANES_14_15(x) PIE_PAIR(x, 14, 15)
#define PIE_LANES(x) PIE_LANES_0_13(x) PIE_LANES_14_15(x)

/* %[more] + 1 vectors of input, of which q0 holds the first; without the last two lanes of the last. */
#define PIE_VECTORS                                                                                                    \
    "loopgtz %[more],1f\n" PIE_LANES_0_13("q0") PIE_EVEN("q0", 14)                                                     \
    "ee.vsmulas.s8.qacc.ld.incp q0,%[x],q2,q0,15\n"                                                                    \
    "ee.vld.128.ip q2,%[w],16\n"                                                                                       \
    "1:\n" PIE_LANES_0_13("q0")

/* Rows of outputs (2:), outputs (3:). */
#define PIE_BEGIN_ROWS                                                                                                 \
    "2:\n"                                                                                                             \
    "l32i %[left],%[p]," PIE_COLUMNS "\n"                                                                              \
    "3:\n" PIE_BIAS("%[bias]")
#define PIE_BEGIN_RECTANGLE                                                                                            \
    "mov %[w],%[weights]\n"                                                                                            \
    "ee.vld.128.ip q1,%[w],16\n"                                                                                       \
    "ee.vld.128.ip q2,%[w],16\n" PIE_BEGIN_ROWS

/* 3 rows of 3 vectors, one behind the other: no loop, so that the input has two registers. */
#define PIE_FIRST "ee.vld.128.ip q0,%[x],16\n"
#define PIE_WINDOW_3X3                                                                                                 \
    PIE_FIRST "ee.vld.128.ip q4,%[x],16\n" PIE_LANES("q0") "ee.vld.128.xp q0,%[x],%[jump]\n" PIE_LANES("q4")           \
    "ee.vld.128.ip q4,%[x],16\n" PIE_LANES("q0") "ee.vld.128.ip q0,%[x],16\n" PIE_LANES("q4")                          \
    "ee.vld.128.xp q4,%[x],%[jump]\n" PIE_LANES("q0") "ee.vld.128.ip q0,%[x],16\n" PIE_LANES("q4")                     \
    "ee.vld.128.ip q4,%[x],16\n" PIE_LANES("q0") "ee.vld.128.xp q0,%[x],%[next]\n" PIE_LANES("q4")                     \
    PIE_LANES_0_13("q0")                                                                                               \
    "mov %[w],%[weights]\n" PIE_LANES_14_15("q0")
#define PIE_NEXT_ROW PIE_LANES_14_15("q0") "add %[x],%[x],%[jump]\n" PIE_FIRST
#define PIE_WINDOW_3_ROWS                                                                                              \
    PIE_FIRST PIE_VECTORS PIE_NEXT_ROW PIE_VECTORS PIE_NEXT_ROW PIE_VECTORS "mov %[w],%[weights]\n"                    \
    PIE_LANES_14_15("q0") PIE_LOAD("%[t]", PIE_NEXT) "add %[x],%[x],%[t]\n"
#define PIE_WINDOW_ANY                                                                                                 \
    PIE_FIRST "l32i %[t],%[p]," PIE_TAPS_MORE "\n"                                                                     \
    "beqz %[t],5f\n"                                                                                                   \
    "4:\n" PIE_VECTORS "add %[w],%[w],%[w_jump]\n"                                                                     \
    "addi %[t],%[t],-1\n" PIE_NEXT_ROW                                                                                 \
    "bnez %[t],4b\n"                                                                                                   \
    "5:\n" PIE_VECTORS "mov %[w],%[weights]\n"                                                                         \
    "l32i %[t],%[p]," PIE_NEXT "\n" PIE_LANES_14_15("q0")                                                              \
    "add %[x],%[x],%[t]\n"

#define PIE_LOAD(register, field) "l32i " register ",%[p]," field "\n"
#define PIE_COUNT "addi %[left],%[left],-1\n"
#define PIE_MOVE(register, field) PIE_LOAD("%[left]", field) "add " register "," register ",%[left]\n"
/* q3 becomes an output. `step`: a register that holds the step, or %[t], which is loaded with it. */
#define PIE_STORE(load_step, step) PIE_COUNT load_step "ee.vmax.s8 q3,q3,q6\nee.vst.128.xp q3,%[y]," step "\n"
/* q3 = the sum of q3 and the 16 bytes at %[other]. */
#define PIE_ADD(load_step, step)                                                                                       \
    load_step "ee.vld.128.xp q0,%[other]," step "\n" PIE_BIAS("%[p]") PIE_LOAD("%[t]", PIE_SUM_SHIFT)                  \
    "ee.vsmulas.s8.qacc q3,q7,1\n"                                                                                     \
    "ee.vsmulas.s8.qacc q0,q7,2\n"                                                                                     \
    "ee.srcmb.s8.qacc q3,%[t],0\n"
#define PIE_STORE_SUMS(y)                                                                                              \
    "ee.st.qacc_l.l.128.ip " y ",16\n"                                                                                 \
    "ee.st.qacc_h.l.128.ip " y ",16\n"                                                                                 \
    "ee.st.qacc_l.h.32.ip " y ",4\n" PIE_COUNT "ee.st.qacc_h.h.32.ip " y ",12\n"
/* The next output, the next row. */
#define PIE_END_ROWS                                                                                                   \
    "bnez %[left],3b\n"                                                                                                \
    "7:\n" PIE_MOVE("%[x]", PIE_X_NEXT) PIE_MOVE("%[y]", PIE_Y_NEXT)                                                   \
    "beqz %[other],8f\n"                                                                                               \
    "bltz %[other],8f\n"                                                                                               \
    "add %[other],%[other],%[left]\n"                                                                                  \
    "8:\n" PIE_LOAD("%[left]", PIE_ROWS)                                                                               \
    "addi %[left],%[left],-1\n"                                                                                        \
    "s32i %[left],%[p]," PIE_ROWS "\n"                                                                                 \
    "bnez %[left],2b\n"                                                                                                \
    "j 9f\n"
#define PIE_NEXT_OUTPUT                                                                                                \
    "bnez %[left],3b\n"                                                                                                \
    "j 7b\n"
/* The end of an output, of which QACC is the sum; `load_step`, `step`: see PIE_STORE. */
#define PIE_END_OUTPUT(load_step, step, sums)                                                                          \
    "bnez %[other],6f\n"                                                                                               \
    "ee.srcmb.s8.qacc q3,%[shift],0\n" PIE_STORE(load_step, step) PIE_END_ROWS                                         \
    "6:\n" sums "ee.srcmb.s8.qacc q3,%[shift],0\n" PIE_ADD(load_step, step) PIE_STORE(load_step, step) PIE_NEXT_OUTPUT
#define PIE_END_RECTANGLE PIE_END_OUTPUT("", "%[y_step]", "") "9:\n"
/* The same, or with PIE_SUMS the sum itself. */
#define PIE_END_RECTANGLE_OR_SUMS                                                                                      \
    PIE_END_OUTPUT(PIE_LOAD("%[t]", PIE_Y_STEP), "%[t]", "bltz %[other],5f\n")                                         \
    "5:\n" PIE_STORE_SUMS("%[y]") PIE_NEXT_OUTPUT "9:\n"

#else

/* The twins of the parts of these blocks. */
static KEEP_APART void twin_begin(const int8_t *weights, const int8_t **w)
{
    *w = ee_vld_128_ip(1, weights, 16);
    *w = ee_vld_128_ip(2, *w, 16);
}

/* Where a row of outputs ends, `at` goes on to the next. */
static KEEP_APART void twin_next_row(pie_places_t *at, pie_rectangle_t *p)
{
    at->x += p->x_next;
    at->y += p->y_next;
    at->other += at->other != NULL && at->other != PIE_SUMS ? p->y_next : 0;
    p->rows--;
}

/* For every output, from its row's first on. */
#define PIE_OUTPUTS(at, p)                                                                                             \
    for (; (p)->rows > 0; twin_next_row(&(at), p))                                                                     \
        PIE_LOOP((p)->columns)

/* QACC += weights times lanes `first` .. `last` of register x. */
static KEEP_APART const int8_t *twin_lanes(int x, const int8_t *w, int first, int last)
{
    for (int lane = first; lane <= last; lane++) {
        w = ee_vsmulas_s8_qacc_ld_incp(1 + (lane & 1), w, 1 + (lane & 1), x, lane);
    }
    return w;
}

/* QACC += weights times `more` + 1 vectors, of which q0 holds the first; without the last two lanes. */
static KEEP_APART void twin_vectors(const int8_t **w, const int8_t **x, int32_t more)
{
    PIE_LOOP(more)
    {
        *w = twin_lanes(0, *w, 0, 14);
        *x = ee_vsmulas_s8_qacc_ld_incp(0, *x, 2, 0, 15);
        *w = ee_vld_128_ip(2, *w, 16);
    }
    *w = twin_lanes(0, *w, 0, 13);
}

static KEEP_APART void twin_window(pie_places_t *at, const int8_t **w, const pie_rectangle_t *p, int32_t taps_more)
{
    at->x = ee_vld_128_ip(0, at->x, 16);
    pie_load_bias(at->bias);
    PIE_LOOP(taps_more)
    {
        twin_vectors(w, &at->x, p->more);
        *w = twin_lanes(0, *w + p->w_jump, 14, 15);
        at->x = ee_vld_128_ip(0, at->x + p->jump, 16);
    }
    twin_vectors(w, &at->x, p->more);
    *w = twin_lanes(0, at->weights, 14, 15);
    at->x += p->next;
}

static KEEP_APART void twin_window_3x3(pie_places_t *at, const int8_t **w, const pie_rectangle_t *p)
{
    at->x = ee_vld_128_ip(0, at->x, 16);
    pie_load_bias(at->bias);
    for (int i = 1; i < 9; i++) {
        const int32_t step = i == 8 ? p->next : i % 3 == 2 ? p->jump : 16;
        at->x = ee_vld_128_xp(i & 1 ? 4 : 0, at->x, step);
        *w = twin_lanes(i & 1 ? 0 : 4, *w, 0, 15);
    }
    *w = twin_lanes(0, *w, 0, 13);
    *w = twin_lanes(0, at->weights, 14, 15);
}

#endif

/**
 * Outputs of 3 x 3 taps of 16 channels, all inside; `p->jump` and `p->next` go from the last vector of a row of the
 * window, and of the window. No PIE_SUMS. Changes q0 .. q4.
 */
EE void pie_rectangle_3x3(pie_places_t at, pie_rectangle_t *p)
{
    const int8_t *w;
#if defined(__XTENSA__)
    int32_t left, t;
    EE_ASM(PIE_BEGIN_RECTANGLE PIE_WINDOW_3X3 PIE_END_RECTANGLE
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [other] "+r"(at.other), [p] "+r"(p), [w] "=&r"(w),
             [left] "=&r"(left), [t] "=&r"(t)
           : [weights] "r"(at.weights), [jump] "r"(p->jump), [next] "r"(p->next), [shift] "r"(p->shift),
             [y_step] "r"(p->y_step));
#else
    twin_begin(at.weights, &w);
    PIE_OUTPUTS(at, p)
    {
        twin_window_3x3(&at, &w, p);
        finish_output(&at, p);
    }
#endif
}

/** Outputs of 3 rows of `p->more` + 1 vectors, all inside. No PIE_SUMS. Changes q0 .. q3. */
EE void pie_rectangle_3_rows(pie_places_t at, pie_rectangle_t *p)
{
    const int8_t *w;
#if defined(__XTENSA__)
    int32_t left, t;
    EE_ASM(PIE_BEGIN_RECTANGLE PIE_WINDOW_3_ROWS PIE_END_RECTANGLE
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [other] "+r"(at.other), [p] "+r"(p), [w] "=&r"(w),
             [left] "=&r"(left), [t] "=&r"(t)
           : [weights] "r"(at.weights), [jump] "r"(p->jump), [more] "r"(p->more), [shift] "r"(p->shift),
             [y_step] "r"(p->y_step));
#else
    twin_begin(at.weights, &w);
    PIE_OUTPUTS(at, p)
    {
        twin_window(&at, &w, p, 2);
        finish_output(&at, p);
    }
#endif
}

/** Outputs of `p->taps_more` + 1 rows of `p->more` + 1 vectors, some of them perhaps outside. Changes q0 .. q3. */
EE void pie_rectangle_any(pie_places_t at, pie_rectangle_t *p)
{
    const int8_t *w;
#if defined(__XTENSA__)
    int32_t left, t;
    EE_ASM(PIE_BEGIN_RECTANGLE PIE_WINDOW_ANY PIE_END_RECTANGLE_OR_SUMS
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [other] "+r"(at.other), [p] "+r"(p), [w] "=&r"(w),
             [left] "=&r"(left), [t] "=&r"(t)
           : [weights] "r"(at.weights), [jump] "r"(p->jump), [w_jump] "r"(p->w_jump), [more] "r"(p->more),
             [shift] "r"(p->shift));
#else
    twin_begin(at.weights, &w);
    PIE_OUTPUTS(at, p)
    {
        twin_window(&at, &w, p, p->taps_more);
        finish_output(&at, p);
    }
#endif
}

/**
 * Outputs of windows without a tap: those of the bias alone. With PIE_SUMS, `p->asides` vectors of zero lie in front of
 * each.
 */
static KEEP_APART void pie_rectangle_empty(pie_places_t at, const pie_rectangle_t *p)
{
    for (int32_t row = p->rows; row > 0; row--) {
        for (int32_t column = p->columns; column > 0; column--) {
            if (at.other == PIE_SUMS) {
                at.y = store_zeros(at.y, p->asides);
            }
            pie_load_bias(at.bias);
            finish_output(&at, p);
        }
        at.y += p->y_next;
        at.other += at.other != NULL && at.other != PIE_SUMS ? p->y_next : 0;
    }
}
