/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* What a kernel keeps between the runs of a stream: a word that is 0 in a stream that begins, and 16 bytes on what it
 * wants. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Whether this is the first run of a stream. */
static inline bool espdl_state_begins(void *state)
{
    int32_t *has_begun = state;
    const bool begins = *has_begun == 0;
    *has_begun = 1;
    return begins;
}

static inline void *espdl_kept_state(void *state)
{
    return (uint8_t *)state + 16;
}
