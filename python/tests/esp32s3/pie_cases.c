/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Every function of pie.h, pie_moves.h and pie_loops.h, to be run by the emulation and by the model of test_pie.py.
 * `m` is memory at a multiple of 16, `n` small numbers. Pointers that a function returns go to `moved`.
 */
#include "pie_loops.h"

#define CASE(name) void case_##name(int8_t *m, const int32_t *n, const int8_t **moved)
#define UNUSED (void)m, (void)n, (void)moved

CASE(vld_ip) { UNUSED; moved[0] = ee_vld_128_ip(3, m + 32, -16); }
CASE(vld_xp) { UNUSED; moved[0] = ee_vld_128_xp(7, m + 64, 16 * n[0]); }
CASE(vld_block_xp) { UNUSED; moved[0] = ee_vld_128_block_xp(2, m + 64 + n[0], n[1]); }
CASE(vst_ip) { UNUSED; moved[0] = ee_vst_128_ip(5, m + 48, 2032); }
CASE(vst_xp) { UNUSED; moved[0] = ee_vst_128_xp(6, m + 48, 16 * n[0]); }
CASE(vldbc) { UNUSED; moved[0] = ee_vldbc_8_ip(1, m + n[0], 127); }
CASE(usar) { UNUSED; moved[0] = ee_ld_128_usar_ip(4, m + n[0], 16); moved[1] = ee_ld_128_usar_xp(0, m + n[1], n[0]); }
CASE(src) { UNUSED; ee_ld_128_usar_ip(4, m + n[0], 16); ee_src_q(1, 2, 3); ee_src_q(2, 2, 5); ee_src_q(7, 6, 7); }
CASE(src_qup) { UNUSED; ee_ld_128_usar_ip(4, m + n[0], 16); ee_src_q_qup(1, 2, 3); ee_src_q_qup(5, 6, 5); }
CASE(andq) { UNUSED; ee_andq(0, 1, 2); ee_andq(3, 3, 4); }
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
#define ROWS(lanes)                                                                                                    \
    CASE(rows_##lanes) { UNUSED; pie_mac_rows(lanes, 0, m + 16, m + n[0], n[1] % 4, n[2] % 16, n[3]); }                 \
    CASE(masked_rows_##lanes) { UNUSED; pie_mac_rows(lanes, 1, m + 16, m + n[0], n[1] % 4, n[2] % 16, n[3]); }
ROWS(2)
ROWS(4)
ROWS(6)
ROWS(8)
ROWS(10)
ROWS(12)
ROWS(14)
ROWS(16)
CASE(depthwise_3x3)
{
    UNUSED;
    const pie_depthwise_t p = {16 * n[0], 16 * n[1], 16 - 16 * n[0], 32, n[2], n[3] % 2, 0};
    pie_depthwise_3x3(m + 512, m + 256, m + 48, m + 1024, n[0] % 5, &p);
}
CASE(depthwise_row) { UNUSED; moved[0] = pie_depthwise_row(m, m + 128, n[0] % 5, 16 * n[1]); }
CASE(dot_row) { UNUSED; moved[0] = pie_dot_row(m, m + n[0], n[1] % 5, n[2] % 16); }
CASE(mask) { UNUSED; pie_mask(5, 1 + n[0] % 16); }
CASE(sum) { UNUSED; pie_sum(m, n[0], 16 * n[1]); }
CASE(add_multiples) { UNUSED; pie_add_multiples(m + 16, n[0]); }
CASE(max) { UNUSED; pie_max(m, n[0] % 6, 16 * n[1]); }
CASE(clamp) { UNUSED; pie_clamp(m, m + 512, n[0]); }
CASE(gather) { UNUSED; pie_gather(m, m + 1024, n[0], 16 * n[1]); }
CASE(gather_unaligned) { UNUSED; pie_gather_unaligned(m + n[0], m + 1024, n[1], n[2] % 16, n[3]); }
CASE(gather_halves)
{
    UNUSED;
    ee_ld_128_usar_ip(1, m + 8, 0);
    moved[0] = pie_gather_halves(m, m + 1024, n[0]);
}
CASE(fill) { UNUSED; pie_fill(m, n[0]); }
CASE(add) { UNUSED; pie_add(m, m + 512, m + 1024, n[0], m + 48, n[1] % 8, n[2] % 2); }
CASE(mul) { UNUSED; pie_mul(m, m + 512, m + 1024, n[0], m + 48, n[1] % 12, n[2] % 2); }
