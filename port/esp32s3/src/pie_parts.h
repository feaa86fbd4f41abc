/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Sums in parts, so that no part leaves 20 bits: its multiples of 2^bits are set aside, the next part begins with the
 * rest. And windows as lists of segments, which may end anywhere between two vectors. See pie_rectangle.h.
 *
 * q4 and q5 mask the rest: the lowest `bits` bits of every lane, as its first 16 bytes and its last ones lie in QACC.
 */
#pragma once

#include "pie_rectangle.h"

/** Neighbouring bytes of a window; jumps in bytes, from behind the last one. */
typedef struct {
    int32_t more, rest;     /**< whole vectors in front of the last; its bytes, 1 .. 16 */
    int32_t x_jump, w_jump; /**< to the next segment, or to the next window */
    int32_t then;           /**< 0: the next segment; 1: a part ends; -1: the window ends */
} pie_segment_t;

/** What is set aside counts in 2^this: at most int8 multiples, which a factor of int8 brings to the output's unit. */
static inline int32_t part_bits(int32_t shift)
{
    const int32_t finest = shift + 6 < 12 ? shift + 6 : 12;
    return shift > finest ? shift : finest;
}

/** Fills q7 with what brings the parts to the output's unit. */
static inline void load_part_factor(int32_t bits, int32_t shift)
{
    const int8_t factor = (int8_t)(1 << (bits - shift));
    ee_vldbc_8_ip(7, &factor, 0);
}

/** Stores what QACC holds in multiples of 2^bits at `to`; QACC keeps the rest. q4, q5: masks. Changes q0, q3. */
EE int8_t *set_aside(int32_t bits, int8_t *to, int8_t *spill)
{
    int8_t *p = ee_st_qacc_l_l_128_ip(spill, 16);
    p = ee_st_qacc_h_l_128_ip(p, 16);
    p = ee_st_qacc_l_h_32_ip(p, 4);
    p = ee_st_qacc_h_h_32_ip(p, -36);
    ee_srcmb_s8_qacc(3, bits);
    to = ee_vst_128_ip(3, to, 16);
    p = keep_bits(0, 4, p, 16);
    p = keep_bits(0, 4, p, 16);
    pie_load_bias(keep_bits(0, 5, p, -32));
    return to;
}

/** q3 = the last part, in QACC, and the `asides` parts before it, at `aside`. Changes q0. */
EE void finish_parts(const int8_t *aside, int32_t asides, int32_t shift)
{
    ee_srcmb_s8_qacc(3, shift);
    pie_add_multiples(aside, asides);
    ee_srcmb_s8_qacc(3, 0);
}

#if defined(__XTENSA__)

#define PIE_BITS "96"
#define PIE_ASIDES "100"
_Static_assert(offsetof(pie_rectangle_t, bits) == 96 && offsetof(pie_rectangle_t, asides) == 100, "as in asm");
_Static_assert(offsetof(pie_rectangle_t, spill) == 112, "as in asm");
_Static_assert(offsetof(pie_segment_t, x_jump) == 8 && offsetof(pie_segment_t, w_jump) == 12, "as in asm");
_Static_assert(offsetof(pie_segment_t, then) == 16 && sizeof(pie_segment_t) == 20, "as in asm");

#define PIE_KEEP_REST(mask, step)                                                                                      \
    "ee.vld.128.ip q0,%[t],0\n"                                                                                        \
    "ee.andq q0,q0," mask "\n"                                                                                         \
    "ee.vst.128.ip q0,%[t]," step "\n"
#define PIE_SET_ASIDE                                                                                                  \
    "addi %[t],%[p],112\n"                                                                                             \
    "l32i %[more],%[p]," PIE_BITS "\n"                                                                                 \
    "ee.st.qacc_l.l.128.ip %[t],16\n"                                                                                  \
    "ee.st.qacc_h.l.128.ip %[t],16\n"                                                                                  \
    "ee.st.qacc_l.h.32.ip %[t],4\n"                                                                                    \
    "ee.st.qacc_h.h.32.ip %[t],-36\n"                                                                                  \
    "ee.srcmb.s8.qacc q3,%[more],0\n"                                                                                  \
    "ee.vst.128.ip q3,%[to],16\n" PIE_KEEP_REST("q4", "16") PIE_KEEP_REST("q4", "16") PIE_KEEP_REST("q5", "-32")       \
    PIE_BIAS("%[t]")
#define PIE_WINDOW_SEGMENTS                                                                                            \
    "mov %[s],%[segments]\n"                                                                                           \
    "mov %[to],%[aside]\n"                                                                                             \
    "4:\n"                                                                                                             \
    "l32i %[more],%[s],0\n" PIE_FIRST PIE_VECTORS                                                                      \
    "l32i %[more],%[s],12\n"                                                                                           \
    "l32i %[t],%[s],8\n"                                                                                               \
    "add %[w],%[w],%[more]\n" PIE_LANES_14_15("q0")                                                                    \
    "add %[x],%[x],%[t]\n"                                                                                             \
    "l32i %[t],%[s],16\n"                                                                                              \
    "addi %[s],%[s],20\n"                                                                                              \
    "beqz %[t],4b\n"                                                                                                   \
    "bltz %[t],5f\n" PIE_SET_ASIDE                                                                                     \
    "j 4b\n"
/* q3 = the last part, in QACC, and those at %[aside]. */
#define PIE_FINISH_PARTS                                                                                               \
    PIE_LOAD("%[t]", PIE_SHIFT) "ee.srcmb.s8.qacc q3,%[t],0\n"                                                         \
    "mov %[to],%[aside]\n"                                                                                             \
    "ee.vld.128.ip q0,%[to],16\n" PIE_LOAD("%[t]", PIE_ASIDES)                                                         \
    "loopgtz %[t],1f\n"                                                                                                \
    "ee.vsmulas.s8.qacc.ld.incp q0,%[to],q0,q7,0\n"                                                                    \
    "1:\n"                                                                                                             \
    "movi %[t],0\n"                                                                                                    \
    "ee.srcmb.s8.qacc q3,%[t],0\n"
#define PIE_FINISH_SEGMENTS                                                                                            \
    "5:\n"                                                                                                             \
    "bltz %[other],5f\n" PIE_FINISH_PARTS                                                                              \
    "beqz %[other],6f\n" PIE_ADD(PIE_LOAD("%[t]", PIE_Y_STEP), "%[t]")                                                 \
    "6:\n" PIE_STORE(PIE_LOAD("%[t]", PIE_Y_STEP), "%[t]") PIE_END_ROWS                                                \
    "5:\n" PIE_LOAD("%[t]", PIE_ASIDES)                                                                                \
    "ee.zero.q q3\n"                                                                                                   \
    "loopgtz %[t],1f\n"                                                                                                \
    "ee.vst.128.ip q3,%[to],16\n"                                                                                      \
    "1:\n" PIE_STORE_SUMS("%[to]")                                                                                     \
    "mov %[aside],%[to]\n" PIE_NEXT_OUTPUT                                                                             \
    "9:\n"

#else

static KEEP_APART void twin_segments(pie_places_t *at, const int8_t **w, pie_rectangle_t *p,
                                     const pie_segment_t *segments, int8_t **aside)
{
    int8_t *to = *aside;
    pie_load_bias(at->bias);
    for (const pie_segment_t *s = segments;; s++) {
        at->x = ee_vld_128_ip(0, at->x, 16);
        twin_vectors(w, &at->x, s->more);
        *w = twin_lanes(0, *w + s->w_jump, 14, 15);
        at->x += s->x_jump;
        if (s->then < 0) {
            break;
        }
        if (s->then > 0) {
            to = set_aside(p->bits, to, p->spill);
        }
    }
    if (at->other == PIE_SUMS) {
        *aside = store_sums(store_zeros(to, p->asides));
        return;
    }
    finish_parts(*aside, p->asides, p->shift);
    store_output(at, p);
}

#endif

/**
 * As pie_rectangle_any(), of windows that are lists of segments. `aside`: where parts are set aside; with PIE_SUMS they
 * are, and as many vectors of zero as are missing, in front of the sums. Changes q0 .. q3.
 */
EE void pie_rectangle_segments(pie_places_t at, pie_rectangle_t *p, const pie_segment_t *segments, int8_t *aside)
{
    const int8_t *w = at.weights;
    w = ee_vld_128_ip(1, w, 16);
    w = ee_vld_128_ip(2, w, 16);
#if defined(__XTENSA__)
    int32_t left, more, t;
    const pie_segment_t *s;
    int8_t *to;
    EE_ASM(PIE_BEGIN_ROWS PIE_WINDOW_SEGMENTS PIE_FINISH_SEGMENTS
           : [x] "+r"(at.x), [y] "+r"(at.y), [bias] "+r"(at.bias), [w] "+r"(w), [other] "+r"(at.other), [p] "+r"(p),
             [aside] "+r"(aside), [left] "=&r"(left), [more] "=&r"(more), [t] "=&r"(t), [s] "=&r"(s), [to] "=&r"(to)
           : [segments] "r"(segments));
#else
    PIE_OUTPUTS(at, p)
    {
        twin_segments(&at, &w, p, segments, &aside);
    }
#endif
}
