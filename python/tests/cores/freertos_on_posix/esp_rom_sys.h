/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include <stdint.h>

static inline uint32_t esp_rom_get_cpu_ticks_per_us(void)
{
    return 1000;
}
