/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* One heap, that of the C library, whose functions the test counts. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_IRAM_ATTR
#define MALLOC_CAP_8BIT 0
#define MALLOC_CAP_DEFAULT 0
#define MALLOC_CAP_INTERNAL 0
#define MALLOC_CAP_SIMD 0
#define MALLOC_CAP_SPIRAM 0

static inline void *heap_caps_malloc(size_t bytes, uint32_t caps)
{
    (void)caps;
    return malloc(bytes);
}

/* aligned_alloc() wants whole multiples of the alignment. */
static inline void *heap_caps_aligned_alloc(size_t alignment, size_t bytes, uint32_t caps)
{
    (void)caps;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static inline void *heap_caps_aligned_calloc(size_t alignment, size_t count, size_t bytes, uint32_t caps)
{
    void *memory = heap_caps_aligned_alloc(alignment, count * bytes, caps);
    return memory == NULL ? NULL : memset(memory, 0, count * bytes);
}

static inline void heap_caps_free(void *memory)
{
    free(memory);
}

static inline size_t heap_caps_get_free_size(uint32_t caps)
{
    (void)caps;
    return 0;
}

static inline size_t heap_caps_get_largest_free_block(uint32_t caps)
{
    (void)caps;
    return 0;
}
