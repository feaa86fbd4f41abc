/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What stands in for a prepared state where ESP-DL is not: a pattern, so that a run notices what the chip would crash on.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>

static inline uint8_t dl_state_byte(const void *state, uint32_t i)
{
    return (uint8_t)(i * 7u + ((uintptr_t)state >> 4));
}

static inline void dl_state_prepare(void *state, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        ((uint8_t *)state)[i] = dl_state_byte(state, i);
    }
}

/* Ends the program where init did not prepare this state, or something wrote over it. */
static inline void dl_state_check(const void *state, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (((const uint8_t *)state)[i] != dl_state_byte(state, i)) {
            abort();
        }
    }
}
