/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the harness needs from the machine it runs on.
 */
#pragma once

#include <stddef.h>

#include "espdl.h"

/** Read up to `bytes` bytes of the input stream; returns how many there were. */
size_t harness_read(void *data, size_t bytes);

/** Append to the output stream. */
void harness_write(const void *data, size_t bytes);

/** Append a tensor in the arena, its rows one behind the other. */
static inline void harness_write_span(const uint8_t *arena, const espdl_span_t *span)
{
    const uint32_t piece = span->pitch == span->row ? span->bytes : span->row;
    const uint8_t *from = arena + span->offset;
    for (uint32_t done = 0; done < span->bytes; done += piece, from += span->pitch) {
        harness_write(from, piece);
    }
}

/** Say what went wrong and end the program with this code. */
_Noreturn void harness_fail(int code, const char *text);

/** Called right before and right after each run, to count what it costs. */
void harness_before_run(void);
void harness_after_run(void);

/** Called right before and right after each layer, where the input stream asks for costs. */
void harness_before_layer(void);
void harness_after_layer(void);
