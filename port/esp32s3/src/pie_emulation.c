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

static int64_t wide_lane(int i)
{
    return (int64_t)espdl_pie.qacc[2 * i + 1] * (1 << LANE_BITS) + (espdl_pie.qacc[2 * i] & 0xFFFFF);
}

static void set_wide_lane(int i, int64_t value)
{
    espdl_pie.qacc[2 * i] = (int32_t)((uint32_t)value << 12) >> 12;
    espdl_pie.qacc[2 * i + 1] = (int32_t)(value >> LANE_BITS);
}

void espdl_pie_accumulate_wide(int x, const int8_t *y, int y_step)
{
    const int64_t limit = INT64_C(1) << 39;
    for (int i = 0; i < 8; i++) {
        int16_t a, b;
        memcpy(&a, &espdl_pie.q[x][2 * i], 2);
        memcpy(&b, y + 2 * i * y_step, 2);
        const int64_t sum = wide_lane(i) + a * b;
        set_wide_lane(i, sum < -limit ? -limit : sum >= limit ? limit - 1 : sum);
    }
}

void espdl_pie_shift_wide(int q, int32_t shift)
{
    for (int i = 0; i < 8; i++) {
        const int64_t value = wide_lane(i) >> shift;
        const int16_t lane = (int16_t)(value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value);
        set_wide_lane(i, value);
        memcpy(&espdl_pie.q[q][2 * i], &lane, 2);
    }
}

espdl_pie_counters_t espdl_pie_counters(void)
{
    const espdl_pie_counters_t counters = {espdl_pie.operations, espdl_pie.misaligned};
    return counters;
}

#endif
