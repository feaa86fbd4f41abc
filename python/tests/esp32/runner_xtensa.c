/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* The runner on QEMU's machine `sim` (benchmarks/xtensa), which has no C library. */
#include <stdint.h>
#include <stdlib.h>

#include "runner.h"

int32_t machine_read(void *to, int32_t bytes);
void machine_print(const char *text, int32_t bytes);
void machine_exit(int32_t code);

/* Memory is used up block by block, and forgotten when no block is in use. */
static _Alignas(16) uint8_t s_memory[1 << 22];
static size_t s_used, s_blocks;

void *malloc(size_t bytes)
{
    uint8_t *block = s_memory + s_used;
    s_used += (bytes + 15) & ~(size_t)15;
    s_blocks++;
    return s_used <= sizeof s_memory ? block : NULL;
}

void free(void *block)
{
    if (block != NULL && --s_blocks == 0) {
        s_used = 0;
    }
}

void abort(void)
{
    machine_exit(3);
    for (;;) {
    }
}

int espdl_test_read(void *to, size_t bytes)
{
    uint8_t *at = to;
    while (bytes > 0) {
        const int32_t count = machine_read(at, (int32_t)bytes);
        if (count <= 0) {
            return 0;
        }
        at += count;
        bytes -= (size_t)count;
    }
    return 1;
}

void espdl_test_write(const void *from, size_t bytes)
{
    machine_print(from, (int32_t)bytes);
}

void espdl_test_flush(void)
{
}
