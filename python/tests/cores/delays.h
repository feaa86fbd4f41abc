/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Included in front of all files: random delays in src/cores.c, most of them short, some longer than the cores stay awake. */
#pragma once
#ifndef __ASSEMBLER__

#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <time.h>

static inline void delay_at_random(void)
{
    static _Thread_local uint32_t s_state;
    if (s_state == 0) {
        s_state = (uint32_t)(uintptr_t)&s_state | 1u;
    }
    s_state = s_state * 1664525u + 1013904223u;
    const uint32_t draw = s_state >> 16;
    if (draw % 64 == 0) {
        nanosleep(&(struct timespec){.tv_nsec = (long)(draw % 3) * 100000}, (struct timespec *)0);
    } else if (draw % 4 == 0) {
        for (volatile uint32_t i = 0; i < draw % 2048; i++) {
        }
    }
}

#define ESPDL_CORES_DELAY() delay_at_random()

#endif
