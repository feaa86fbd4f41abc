/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* ESP-IDF's attribute for variables in PSRAM, as its own header defines it: a section that the linker script places. */
#pragma once

#define EXT_RAM_BSS_ATTR PLACE(__COUNTER__)
#define PLACE(number) PLACE_(number)
#define PLACE_(number) __attribute__((section(".ext_ram.bss." #number)))
