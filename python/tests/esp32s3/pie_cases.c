/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Every function of the headers HEADERS of test_pie.py, to be run by the emulation and by the model of test_pie.py.
 * `m` is memory at a multiple of 16, `n` small numbers. Pointers that a function returns go to `moved`.
 */
#include "pie_depthwise.h"
#include "pie_lines.h"
#include "pie_loops.h"
#include "pie_narrow.h"
#include "pie_norm.h"
#include "pie_parts.h"
#include "pie_rescale.h"
#include "pie_softmax.h"
#include "pie_turned.h"
#include "pie_words.h"

#define CASE(name) void case_##name(int8_t *m, const int32_t *n, const int8_t **moved)
#define UNUSED (void)m, (void)n, (void)moved

CASE(vld_ip) { UNUSED; moved[0] = ee_vld_128_ip(3, m + 32, -16); }
CASE(vld_xp) { UNUSED; moved[0] = ee_vld_128_xp(7, m + 64, 16 * n[0]); }
CASE(vld_block_xp) { UNUSED; moved[0] = ee_vld_128_block_xp(2, m + 64 + n[0], n[1]); }
CASE(vst_ip) { UNUSED; moved[0] = ee_vst_128_ip(5, m + 48, 2032); }
CASE(vst_xp) { UNUSED; moved[0] = ee_vst_128_xp(6, m + 48, 16 * n[0]); }
CASE(vld_low) { UNUSED; moved[0] = ee_vld_l_64_xp(7, m + 40, 8 * n[0]); }
CASE(vst_low) { UNUSED; moved[0] = ee_vst_l_64_ip(6, m + 24, -1024); }
CASE(vldbc) { UNUSED; moved[0] = ee_vldbc_8_ip(1, m + n[0], 127); }
CASE(usar) { UNUSED; moved[0] = ee_ld_128_usar_ip(4, m + n[0], 16); moved[1] = ee_ld_128_usar_xp(0, m + n[1], n[0]); }
CASE(src) { UNUSED; ee_ld_128_usar_ip(4, m + n[0], 16); ee_src_q(1, 2, 3); ee_src_q(2, 2, 5); ee_src_q(7, 6, 7); }
CASE(src_qup) { UNUSED; ee_ld_128_usar_ip(4, m + n[0], 16); ee_src_q_qup(1, 2, 3); ee_src_q_qup(5, 6, 5); }
CASE(andq) { UNUSED; ee_andq(0, 1, 2); ee_andq(3, 3, 4); }
CASE(xorq) { UNUSED; ee_xorq(0, 1, 2); ee_xorq(3, 3, 4); }
CASE(zip) { UNUSED; ee_vzip_8(1, 2); ee_vzip_8(5, 3); }
CASE(unzip) { UNUSED; ee_vunzip_8(1, 2); ee_vunzip_8(5, 3); }
CASE(less) { UNUSED; ee_vcmp_lt_s16(1, 2, 3); ee_vcmp_lt_s16(4, 4, 5); }
CASE(vsubs) { UNUSED; ee_vsubs_s16(1, 2, 3); ee_vsubs_s16(4, 4, 5); }
CASE(zero) { UNUSED; ee_zero_q(4); ee_zero_qacc(); }
CASE(ld_qacc)
{
    UNUSED;
    moved[0] = ee_ld_qacc_l_l_128_ip(m + 16, 16);
    moved[1] = ee_ld_qacc_h_h_32_ip(m + 4 * n[0], -36);
}
CASE(ld_qacc_other)
{
    UNUSED;
    moved[0] = ee_ld_qacc_h_l_128_ip(m + 16, -2048);
    moved[1] = ee_ld_qacc_l_h_32_ip(m + 4 * n[0], 508);
}
CASE(st_qacc)
{
    UNUSED;
    moved[0] = ee_st_qacc_l_l_128_ip(m, 16);
    moved[1] = ee_st_qacc_h_l_128_ip(m + 16, 16);
    moved[2] = ee_st_qacc_l_h_32_ip(m + 32, 4);
    moved[3] = ee_st_qacc_h_h_32_ip(m + 36, -36);
}
CASE(vsmulas)
{
    UNUSED;
    for (int32_t i = 0; i < n[0]; i++) {
        ee_vsmulas_s8_qacc(1, 2, 0);
        ee_vsmulas_s8_qacc(3, 3, 15);
        moved[0] = ee_vsmulas_s8_qacc_ld_incp(4, m, 4, 5, 7);
    }
}
CASE(vmulas)
{
    UNUSED;
    for (int32_t i = 0; i < n[0]; i++) {
        ee_vmulas_s8_qacc(1, 2);
        moved[0] = ee_vmulas_s8_qacc_ld_ip(1, m + 16, -512, 1, 6);
        moved[1] = ee_vmulas_s8_qacc_ld_xp(6, m + 32, 16 * n[1], 3, 7);
    }
}
CASE(saturate)
{
    UNUSED; /* many sums of one sign, whatever QACC began with */
    for (int32_t i = 0; i < 64; i++) {
        ee_vmulas_s8_qacc(1, 1);
        ee_vsmulas_s8_qacc(2, 2, 3);
    }
}
CASE(srcmb) { UNUSED; ee_srcmb_s8_qacc(2, n[0]); ee_srcmb_s8_qacc(3, 0); }
CASE(wide_lanes)
{
    UNUSED;
    for (int32_t i = 0; i < n[0]; i++) {
        ee_vmulas_s16_qacc(1, 2);
        moved[0] = ee_vmulas_s16_qacc_ld_ip(1, m + 16, -512, 1, 6);
        ee_vsmulas_s16_qacc(4, 5, 2);
        moved[1] = ee_vsmulas_s16_qacc_ld_incp(6, m + 32, 3, 7, 5);
    }
}
CASE(wide_srcmb) { UNUSED; ee_srcmb_s16_qacc(2, n[0]); ee_srcmb_s16_qacc(3, n[1]); }
CASE(accx)
{
    UNUSED;
    moved[0] = ee_ld_accx_ip(m + 8, 8);
    ee_vmulas_s8_accx(1, 2);
    moved[1] = ee_vmulas_s8_accx_ld_ip(3, m, 16, 3, 4);
    *(int32_t *)(m + 16) = ee_srs_accx(n[0]);
}
CASE(vrelu) { UNUSED; ee_vrelu_s8(1, 0, 0); ee_vrelu_s8(2, 1, 0); }
CASE(max_min) { UNUSED; ee_vmax_s8(1, 2, 3); ee_vmin_s8(4, 4, 5); }

CASE(load_bias) { UNUSED; pie_load_bias(m + 48); }
CASE(load_bias_ahead) { UNUSED; moved[0] = pie_load_bias_ahead(m + 48); }
CASE(mac_vectors) { moved[0] = m; moved[1] = m + 16 * n[0]; pie_mac_vectors(&moved[0], &moved[1], n[1] % 4); }
CASE(mac_unaligned)
{
    UNUSED;
    moved[0] = m;
    moved[1] = ee_ld_128_usar_ip(3, m + n[0], 16);
    pie_mac_unaligned(&moved[0], &moved[1], n[1] % 4);
}
/* A rectangle of up to 2 rows of up to 2 outputs; what lies where is arbitrary. */
static pie_rectangle_t rectangle(const int32_t *n)
{
    pie_rectangle_t p = {.rows = 1 + n[0] % 2, .columns = 1 + n[1] % 2, .x_next = 32, .y_next = -16, .y_step = 16 + 16 * (n[2] % 3)};
    for (int32_t i = 0; i < BIAS_BYTES; i++) {
        p.start[i] = (int8_t)(n[0] * i - n[3]);
    }
    p.next = 16 * (n[2] % 5) - 64;
    p.shift = n[3];
    p.sum_shift = n[2] % 8;
    p.more = n[1] % 3;
    p.jump = 16 * (n[0] % 4) - 16;
    p.w_jump = 16 * (n[3] % 4);
    p.taps_more = n[2] % 3;
    p.bits = 12 + n[0] % 5;
    return p;
}
#define RECTANGLE(name, ...)                                                                                           \
    CASE(rectangle_##name)                                                                                             \
    {                                                                                                                  \
        UNUSED;                                                                                                        \
        const int8_t *const others[] = {NULL, m + 3072, PIE_SUMS};                                                     \
        const pie_places_t at = {m + 512, m, m + 64, m + 2048, others[n[0] % 3]};                                      \
        pie_rectangle_t p = rectangle(n);                                                                              \
        (void)p;                                                                                                       \
        __VA_ARGS__;                                                                                                   \
    }
static pie_places_t without_sums(pie_places_t at)
{
    at.other = at.other == PIE_SUMS ? NULL : at.other;
    return at;
}
RECTANGLE(3x3, pie_rectangle_3x3(without_sums(at), &p))
RECTANGLE(3_rows, p.w_jump = 0; pie_rectangle_3_rows(without_sums(at), &p))
RECTANGLE(any, pie_rectangle_any(at, &p))
RECTANGLE(empty, pie_rectangle_empty(at, &p))
static const pie_segment_t *segments(int8_t *m, pie_rectangle_t *p, const int32_t *n)
{
    const pie_segment_t list[3] = {
        {n[0] % 2, 16, 16, 16, n[1] % 2}, {n[1] % 2, 16, -32, 0, n[2] % 2}, {n[2] % 2, 16, 0, -16, -1}};
    memcpy(m + 3840, list, sizeof list);
    p->asides = list[0].then + list[1].then;
    return (const pie_segment_t *)(m + 3840);
}
RECTANGLE(segments, pie_rectangle_segments(at, &p, segments(m, &p, n), m + 3328))
#define NARROW(lanes)                                                                                                  \
    RECTANGLE(narrow_##lanes, p.jump = n[3]; narrow(lanes, false, at, &p, n[2] % 16))                                  \
    RECTANGLE(narrow_##lanes##_masked, p.next = n[3]; narrow(lanes, true, at, &p, n[2] % 16))
static inline void narrow(int lanes, bool masked, pie_places_t at, pie_rectangle_t *p, int32_t last)
{
    at.other = at.other == PIE_SUMS ? PIE_SUMS : NULL;
    pie_rectangle_narrow(lanes, masked, at, p, last);
}
NARROW(2)
NARROW(4)
NARROW(6)
NARROW(8)
NARROW(10)
NARROW(12)
NARROW(14)
NARROW(16)
RECTANGLE(depthwise_3x3, pie_depthwise_3x3(at, &p, n[0] % 2))
RECTANGLE(depthwise_3x3_sums, pie_depthwise_3x3_sums(at, &p))
CASE(depthwise_row) { UNUSED; moved[0] = pie_depthwise_row(m, m + 128, n[0] % 5, 16 * n[1]); }
CASE(dot_row) { UNUSED; moved[0] = pie_dot_row(m, m + n[0], n[1] % 5, n[2] % 16); }
CASE(mask) { UNUSED; pie_mask(5, 1 + n[0] % 16); }
CASE(sum) { UNUSED; pie_sum(m, n[0], 16 * n[1]); }
CASE(add_multiples) { UNUSED; pie_add_multiples(m + 16, n[0]); }
CASE(max_unaligned) { UNUSED; pie_max_unaligned(m + n[0], n[1] % 6, 7 + n[2], n[3] % 16); }
CASE(max) { UNUSED; pie_max(m, n[0] % 6, 16 * n[1]); }
CASE(flip_signs) { UNUSED; pie_flip_signs(m, m + 512, n[0]); }
CASE(clamp) { UNUSED; pie_clamp(m, m + 512, n[0]); }
CASE(gather) { UNUSED; pie_gather(m, m + 1024, n[0], 16 * n[1]); }
CASE(gather_rows)
{
    UNUSED;
    pie_gather_rows(m, m + 1024, n[0] % 4, 16 * (n[1] % 4), 1 + n[2] % 3, 16 * (n[3] % 3), 16);
}
CASE(gather_unaligned) { UNUSED; pie_gather_unaligned(m + n[0], m + 1024, n[1], n[2] % 16, n[3]); }
CASE(gather_halves)
{
    UNUSED;
    ee_ld_128_usar_ip(1, m + 8, 0);
    moved[0] = pie_gather_halves(m, m + 1024, n[0]);
}
CASE(take_turns) { UNUSED; pie_take_turns(m, 16 * (n[0] % 4), m + 2048, 16 * (n[1] % 4)); }
CASE(widen_offset) { UNUSED; pie_widen_offset(m, m + 1024, n[0]); }
CASE(widen_columns) { UNUSED; pie_widen_columns(m, m + 1024, m + 2048, n[0], 16 * n[1]); }
CASE(widen_columns_less) { UNUSED; pie_widen_columns_less(m, m + 1024, m + 2048, n[0], 16 * n[1]); }
CASE(mac_words) { UNUSED; moved[0] = pie_mac_words(m, m + 3072, n[0] % 8); }
CASE(sum_words) { UNUSED; pie_sum_words(m, n[0]); }
CASE(sum_all) { UNUSED; pie_sum_all(m, n[0]); }
CASE(sum_squares) { UNUSED; pie_sum_squares(m, n[0]); }
CASE(normalize) { UNUSED; pie_normalize(m, m + 1024, m + 3072, n[0], n[1], n[2]); }
CASE(rescale) { UNUSED; pie_rescale(m, m + 2048, n[0], n[1]); }
CASE(rescale_unaligned) { UNUSED; pie_rescale_unaligned(m + n[2], m + 2048, n[0], n[1]); }
CASE(rescale_lanes) { UNUSED; pie_rescale_lanes(m, m + 3072, m + 1024, n[0], n[1], -32 * (n[2] % 5)); }
CASE(rescale_lanes_unaligned) { UNUSED; pie_rescale_lanes_unaligned(m + n[3], m + 3072, m + 1024, n[0], n[1], -128); }
CASE(read_unsigned)
{
    UNUSED;
    int8_t *to = m + 2048;
    moved[0] = pie_read_unsigned(m + n[1], &to, n[0]);
    moved[1] = to;
}
CASE(fold_max) { UNUSED; pie_fold_max(); }
CASE(scale_words) { UNUSED; moved[0] = pie_scale_words(m, m + 2048, n[0], n[1]); }
CASE(gather_8) { UNUSED; pie_gather_8(m, m + 1024, n[0], 8 * n[1]); }
CASE(fill) { UNUSED; pie_fill(m, n[0]); }
CASE(add) { UNUSED; pie_add(m, m + 512, m + 1024, n[0], m + 48, n[1] % 8, n[2] % 2); }
CASE(mul) { UNUSED; pie_mul(m, m + 512, m + 1024, n[0], m + 48, n[1] % 12, n[2] % 2); }
#define POINTWISE(vectors) RECTANGLE(pointwise_##vectors, p.y_next = 0; pie_pointwise(vectors, at, &p, 1 + n[3] % 3))
POINTWISE(1)
POINTWISE(2)
POINTWISE(3)
POINTWISE(4)
RECTANGLE(pointwise_sums, pie_pointwise_sums(at, 1 + n[0] % 3, n[1] % 3, 16 * (n[2] % 3)))
RECTANGLE(pointwise_pairs, pie_pointwise_pairs(at, n[0] % 5, n[1]))
#define TURNED(lanes)                                                                                                  \
    RECTANGLE(turned_##lanes, p.y_next = 0; p.next = n[3] - 16; pie_turned(3 + n[0] % 2, lanes, at, &p, 1 + n[3] % 3))
TURNED(8)
TURNED(10)
TURNED(12)
TURNED(14)
