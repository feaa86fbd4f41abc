/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Calls kernels for the tests. Cases come in a stream, answers go out in a stream; all numbers are 32 bits, little endian.
 *
 * Case:   index of the function, bytes of the parameters, the parameters, number of buffers, then for each buffer
 *         kind, bytes, place, and for INPUT and PRECEDED its content. Place: the offset of its address from a multiple of 16,
 *         plus 256 times the bytes in front of it that belong to it (its lead, 0 but where buffers overlap).
 *         Kind: INPUT (must not change), OUTPUT (filled with garbage), SCRATCH (filled with garbage), PRECEDED (INPUT
 *         whose content begins with that of its lead), or
 *         SHARED + i: the memory of the earlier buffer i (the content before the call is i's) from its lead on, or from
 *         as many bytes behind that as `place` says.
 * Answer: 0, then the content of each output buffer (OUTPUT or SHARED) in order; or 1 + index of the buffer around which,
 *         or in which, the kernel wrote though it must not.
 *
 * The stream ends after the last case. `espdl_test_functions` is generated.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

enum { INPUT, OUTPUT, SCRATCH, PRECEDED, SHARED };
enum { MAX_BUFFERS = 12, GUARD = 64, GARBAGE = 0xA5 };

typedef struct {
    uint32_t kind, bytes, lead;
    uint8_t *block;    /* GUARD + up to 15 bytes, the lead, the buffer, GUARD bytes */
    uint8_t *data;
    uint8_t *copy;     /* of an input's content */
} buffer_t;

static void *allocate(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static uint32_t read_number(void)
{
    uint32_t value;
    if (!espdl_test_read(&value, sizeof value)) {
        abort();
    }
    return value;
}

static void read_bytes(void *to, uint32_t bytes)
{
    if (bytes != 0 && !espdl_test_read(to, bytes)) {
        abort();
    }
}

static size_t block_bytes(const buffer_t *b)
{
    return (size_t)(b->data - b->block) + b->bytes + GUARD;
}

static void read_buffer(buffer_t *buffers, uint32_t index)
{
    buffer_t *b = &buffers[index];
    b->kind = read_number();
    b->bytes = read_number();
    const uint32_t place = read_number();
    b->lead = place >> 8;
    if (b->kind >= SHARED) {
        b->block = NULL;
        b->data = buffers[b->kind - SHARED].data - buffers[b->kind - SHARED].lead + b->lead;
        return;
    }
    b->block = allocate(b->lead + b->bytes + 2 * GUARD + 32);
    uintptr_t base = ((uintptr_t)b->block + GUARD + b->lead + 15) & ~(uintptr_t)15;
    b->data = (uint8_t *)(base + (place & 0xFF));
    memset(b->block, GARBAGE, block_bytes(b));
    b->copy = NULL;
    if (b->kind == PRECEDED) {
        read_bytes(b->data - b->lead, b->lead);
        b->kind = INPUT;
    }
    if (b->kind == INPUT) {
        read_bytes(b->data, b->bytes);
        b->copy = allocate(b->bytes);
        memcpy(b->copy, b->data, b->bytes);
    }
}

/* Where AddressSanitizer watches, the guards may not even be read. */
static void guard(buffer_t *b, int on)
{
    uint8_t *end = b->data + b->bytes;
    if (on) {
        ASAN_POISON_MEMORY_REGION(b->block, (size_t)(b->data - b->lead - b->block));
        ASAN_POISON_MEMORY_REGION(end, GUARD);
    } else {
        ASAN_UNPOISON_MEMORY_REGION(b->block, block_bytes(b));
    }
}

static int all_garbage(const uint8_t *from, const uint8_t *to)
{
    while (from < to) {
        if (*from++ != GARBAGE) {
            return 0;
        }
    }
    return 1;
}

static int is_shared(const buffer_t *buffers, uint32_t count, uint32_t index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (buffers[i].kind == SHARED + index) {
            return 1;
        }
    }
    return 0;
}

static int is_intact(const buffer_t *buffers, uint32_t count, uint32_t index)
{
    const buffer_t *b = &buffers[index];
    if (b->block == NULL) {
        return 1;
    }
    const uint8_t *end = b->data + b->bytes;
    if (!all_garbage(b->block, b->data - b->lead) || !all_garbage(end, end + GUARD)) {
        return 0;
    }
    return b->kind != INPUT || is_shared(buffers, count, index) || memcmp(b->copy, b->data, b->bytes) == 0;
}

/* Every kernel takes pointers only, so that one type calls all of them. */
static void call(espdl_test_function_t f, void *p, const buffer_t *b, uint32_t count)
{
    typedef void (*f1_t)(void *, void *);
    typedef void (*f2_t)(void *, void *, void *);
    typedef void (*f3_t)(void *, void *, void *, void *);
    typedef void (*f4_t)(void *, void *, void *, void *, void *);
    typedef void (*f5_t)(void *, void *, void *, void *, void *, void *);
    typedef void (*f6_t)(void *, void *, void *, void *, void *, void *, void *);
    typedef void (*f7_t)(void *, void *, void *, void *, void *, void *, void *, void *);
    typedef void (*f8_t)(void *, void *, void *, void *, void *, void *, void *, void *, void *);
    typedef void (*f9_t)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *);
    typedef void (*f10_t)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *);
    typedef void (*f11_t)(void *, void *, void *, void *, void *, void *, void *, void *, void *, void *, void *,
                          void *);
    switch (count) {
    case 1: ((f1_t)f)(p, b[0].data); break;
    case 2: ((f2_t)f)(p, b[0].data, b[1].data); break;
    case 3: ((f3_t)f)(p, b[0].data, b[1].data, b[2].data); break;
    case 4: ((f4_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data); break;
    case 5: ((f5_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data); break;
    case 6: ((f6_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data); break;
    case 7:
        ((f7_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data, b[6].data);
        break;
    case 8:
        ((f8_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data, b[6].data, b[7].data);
        break;
    case 9:
        ((f9_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data, b[6].data, b[7].data,
                  b[8].data);
        break;
    case 10:
        ((f10_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data, b[6].data, b[7].data,
                   b[8].data, b[9].data);
        break;
    case 11:
        ((f11_t)f)(p, b[0].data, b[1].data, b[2].data, b[3].data, b[4].data, b[5].data, b[6].data, b[7].data,
                   b[8].data, b[9].data, b[10].data);
        break;
    default: abort();
    }
}

static void answer(const buffer_t *buffers, uint32_t count)
{
    uint32_t status = 0;
    for (uint32_t i = 0; i < count && status == 0; i++) {
        status = is_intact(buffers, count, i) ? 0 : i + 1;
    }
    espdl_test_write(&status, sizeof status);
    for (uint32_t i = 0; i < count && status == 0; i++) {
        if (buffers[i].kind == OUTPUT || buffers[i].kind >= SHARED) {
            espdl_test_write(buffers[i].data, buffers[i].bytes);
        }
    }
    espdl_test_flush();
}

static void run_case(uint32_t function)
{
    buffer_t buffers[MAX_BUFFERS];
    uint32_t parameter_bytes = read_number();
    void *parameters = allocate(parameter_bytes);
    read_bytes(parameters, parameter_bytes);
    uint32_t count = read_number();
    if (function >= espdl_test_function_count || count > MAX_BUFFERS) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        read_buffer(buffers, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (buffers[i].block != NULL) {
            guard(&buffers[i], 1);
        }
    }
    call(espdl_test_functions[function], parameters, buffers, count);
    for (uint32_t i = 0; i < count; i++) {
        if (buffers[i].block != NULL) {
            guard(&buffers[i], 0);
        }
    }
    answer(buffers, count);
    for (uint32_t i = 0; i < count; i++) {
        if (buffers[i].block != NULL) {
            free(buffers[i].block);
            free(buffers[i].copy);
        }
    }
    free(parameters);
}

int main(void)
{
    uint32_t function;
    while (espdl_test_read(&function, sizeof function)) {
        run_case(function);
    }
    return 0;
}
