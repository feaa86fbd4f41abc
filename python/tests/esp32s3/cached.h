/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* A data cache of 32 KB, 8 ways, lines of 32 bytes, the least recently used replaced: bytes that vector loads fetch. */
#pragma once

#include <stdint.h>

void watch_load(const void *p);
#define ESPDL_PIE_WATCH_LOAD(p) watch_load(p)
