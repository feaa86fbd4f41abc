/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * MAC16 on other machines, bit for bit: one function per instruction. An instruction multiplies before it loads.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "espdl/esp32/emulation.h"

#define MAC16 static inline __attribute__((unused))
/* The twin of `loop`, which counts from 1. */
#define MAC16_LOOP(count) for (int32_t mac16_i = (count); mac16_i > 0; mac16_i--)

/** What a block holds. */
typedef struct {
    int64_t acc; /* the lowest 40 bits count */
    int32_t m[4];
} mac16_t;

MAC16 mac16_t mac16_begin(int32_t acclo)
{
    return (mac16_t){acclo, {0, 0, 0, 0}};
}

MAC16 int32_t mac16_low(int32_t word)
{
    return (int16_t)word;
}

MAC16 int32_t mac16_high(int32_t word)
{
    return word >> 16;
}

/* m[to] = the word `step` bytes from the one at *p. The chip faults where that is no multiple of 4. */
MAC16 void mac16_load(mac16_t *m, int to, const int16_t **p, int32_t step)
{
    *p = (const int16_t *)((uintptr_t)*p + (uintptr_t)(intptr_t)step);
    espdl_mac16_misaligned += ((uintptr_t)*p & 3) != 0;
    memcpy(&m->m[to], *p, 4);
}

MAC16 void mac16_ldinc(mac16_t *m, int to, const int16_t **p)
{
    mac16_load(m, to, p, 4);
}

MAC16 void mac16_lddec(mac16_t *m, int to, const int16_t **p)
{
    mac16_load(m, to, p, -4);
}

MAC16 void mac16_mula_ll(mac16_t *m, int32_t x, int32_t y)
{
    m->acc += mac16_low(x) * mac16_low(y);
}

MAC16 void mac16_mula_hh(mac16_t *m, int32_t x, int32_t y)
{
    m->acc += mac16_high(x) * mac16_high(y);
}

MAC16 void mac16_mula_ll_ldinc(mac16_t *m, int to, const int16_t **p, int x, int y)
{
    mac16_mula_ll(m, m->m[x], m->m[y]);
    mac16_ldinc(m, to, p);
}

MAC16 void mac16_mula_hh_ldinc(mac16_t *m, int to, const int16_t **p, int x, int y)
{
    mac16_mula_hh(m, m->m[x], m->m[y]);
    mac16_ldinc(m, to, p);
}

MAC16 void mac16_mula_hh_lddec(mac16_t *m, int to, const int16_t **p, int x, int y)
{
    mac16_mula_hh(m, m->m[x], m->m[y]);
    mac16_lddec(m, to, p);
}

MAC16 int32_t mac16_acclo(const mac16_t *m)
{
    return (int32_t)(uint32_t)(uint64_t)m->acc;
}

/* Bits 32 .. 39 with their sign. */
MAC16 int32_t mac16_acchi(const mac16_t *m)
{
    return (int8_t)(m->acc >> 32);
}
