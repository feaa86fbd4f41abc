/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* What the compiler takes for granted. Copies go word by word where addresses allow it, as in the chip's ROM. */
#include <stdint.h>

#include "string.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    uint8_t *y = to;
    const uint8_t *x = from;
    if ((((uintptr_t)x | (uintptr_t)y) & 3) == 0) {
        for (; bytes >= 4; bytes -= 4, x += 4, y += 4) {
            *(uint32_t *)(void *)y = *(const uint32_t *)(const void *)x;
        }
    }
    for (; bytes > 0; bytes--) {
        *y++ = *x++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *y = to;
    const uint8_t *x = from;
    if ((uintptr_t)y - (uintptr_t)x >= bytes) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        y[bytes] = x[bytes];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *y = to;
    const uint32_t byte = (uint8_t)value, word = byte * 0x01010101u;
    if (((uintptr_t)y & 3) == 0) {
        for (; bytes >= 4; bytes -= 4, y += 4) {
            *(uint32_t *)(void *)y = word;
        }
    }
    for (; bytes > 0; bytes--) {
        *y++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a, *y = b;
    for (; bytes > 0; bytes--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    for (; *a != '\0' && *a == *b; a++, b++) {
    }
    return (uint8_t)*a - (uint8_t)*b;
}

/* The product of 64 bits, which lx106 has no instruction for. */
uint64_t __muldi3(uint64_t a, uint64_t b)
{
    const uint32_t a_low = (uint32_t)a, b_low = (uint32_t)b;
    const uint32_t low = (a_low & 0xFFFF) * (b_low & 0xFFFF);
    const uint32_t first = (a_low >> 16) * (b_low & 0xFFFF) + (low >> 16);
    const uint32_t second = (a_low & 0xFFFF) * (b_low >> 16) + (first & 0xFFFF);
    uint32_t high = (a_low >> 16) * (b_low >> 16) + (first >> 16) + (second >> 16);
    high += a_low * (uint32_t)(b >> 32) + (uint32_t)(a >> 32) * b_low;
    return (uint64_t)high << 32 | second << 16 | (low & 0xFFFF);
}

uint64_t __udivdi3(uint64_t a, uint64_t b)
{
    uint64_t quotient = 0, rest = 0;
    for (int i = 63; i >= 0; i--) {
        rest = rest << 1 | (a >> i & 1);
        if (rest >= b) {
            rest -= b;
            quotient |= (uint64_t)1 << i;
        }
    }
    return quotient;
}
