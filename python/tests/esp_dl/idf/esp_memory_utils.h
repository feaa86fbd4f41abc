/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* A computer has one kind of memory. */
#pragma once

#include <stdbool.h>

static inline bool esp_ptr_external_ram(const void *address)
{
    (void)address;
    return false;
}

static inline bool esp_ptr_in_drom(const void *address)
{
    (void)address;
    return false;
}

static inline bool esp_ptr_internal(const void *address)
{
    (void)address;
    return true;
}
