/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include <string.h>

static inline void esp_fill_random(void *buffer, size_t bytes)
{
    memset(buffer, 0, bytes);
}
