/*
 * SPDX-License-Identifier: CC0-1.0
 */
#include "cached.h"

#include <string.h>

enum { LINE = 32, WAYS = 8, SETS = 32768 / LINE / WAYS };

static uintptr_t lines[SETS][WAYS]; /* the last used first */
static uintptr_t first, last;
static uint64_t fetched;

/* From now on, with an empty cache: bytes that are fetched of those from `begin` to `end`, the last excluded. */
void watch(const void *begin, const void *end)
{
    memset(lines, 0, sizeof lines);
    first = (uintptr_t)begin;
    last = (uintptr_t)end;
    fetched = 0;
}

uint64_t fetched_bytes(void)
{
    return fetched;
}

void watch_load(const void *p)
{
    const uintptr_t address = (uintptr_t)p, line = address / LINE;
    uintptr_t *set = lines[line % SETS];
    if (address < first || address >= last) {
        return; /* the arena is in RAM */
    }
    int way = 0;
    while (way < WAYS - 1 && set[way] != line) {
        way++;
    }
    fetched += set[way] != line ? LINE : 0;
    memmove(set + 1, set, (size_t)way * sizeof *set);
    set[0] = line;
}
