/*
 * SPDX-License-Identifier: Apache-2.0
 */
#if defined(__XTENSA__)

typedef int espdl_pie_is_hardware; /* a C file may not be empty */

#else

#include "pie_emulation.h"

enum { LANE_BITS = 20, HALF_BYTES = 20 };

_Thread_local struct espdl_pie_state espdl_pie;

static void pack_half(int first, uint8_t *bytes)
{
    memset(bytes, 0, HALF_BYTES);
    for (int bit = 0; bit < 8 * LANE_BITS; bit++) {
        const uint32_t lane = (uint32_t)espdl_pie.qacc[first + bit / LANE_BITS];
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] | ((lane >> (bit % LANE_BITS)) & 1u) << (bit % 8));
    }
}

static void unpack_half(int first, const uint8_t *bytes)
{
    for (int lane = 0; lane < 8; lane++) {
        uint32_t value = 0;
        for (int bit = 0; bit < LANE_BITS; bit++) {
            const int place = lane * LANE_BITS + bit;
            value |= (uint32_t)((bytes[place / 8] >> (place % 8)) & 1) << bit;
        }
        espdl_pie.qacc[first + lane] = (int32_t)(value << 12) >> 12;
    }
}

void espdl_pie_set_qacc(int first, int from, const int8_t *p, int bytes)
{
    uint8_t half[HALF_BYTES];
    pack_half(first, half);
    memcpy(half + from / 8, p, (size_t)bytes);
    unpack_half(first, half);
}

void espdl_pie_get_qacc(int first, int from, int8_t *p, int bytes)
{
    uint8_t half[HALF_BYTES];
    pack_half(first, half);
    memcpy(p, half + from / 8, (size_t)bytes);
}

espdl_pie_counters_t espdl_pie_counters(void)
{
    const espdl_pie_counters_t counters = {espdl_pie.operations, espdl_pie.misaligned};
    return counters;
}

#endif
