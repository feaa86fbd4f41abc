/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Runs a compiled model whose buffers lie on pages of their own; it takes the place of the harness (verify/harness/harness.c)
 * and speaks its protocol. All between the buffers is memory that may not be touched: the access itself ends the program.
 * What a layer may not write within the pages is compared with a copy: the rest of its buffers' pages and all other buffers.
 *
 * `guard_pages.h` is generated (guard_pages.py): the buffers, and those that each layer may write.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include HARNESS_HEADER

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guard_pages.h"
#include "harness.h"

enum { FAILED = 20, PATTERN = 0xA5 };

static uint8_t *s_arena, *s_weights, *s_copy;
static unsigned s_layer;

static size_t first_page(const buffer_t *b)
{
    return b->offset / PAGE * PAGE;
}

static size_t page_bytes(const buffer_t *b)
{
    return (b->offset + b->bytes + PAGE - 1) / PAGE * PAGE - first_page(b);
}

static _Noreturn void fail(const char *what, const buffer_t *b, size_t offset)
{
    static char s_text[300];
    const long place = (long)offset - (long)b->offset;
    snprintf(s_text, sizeof(s_text), "layer %u %s byte %ld of %s, which has %u", s_layer, what, place, b->name, b->bytes);
    harness_fail(FAILED, s_text);
}

static void find(const buffer_t *buffers, size_t offset)
{
    for (const buffer_t *b = buffers; b->name != NULL; b++) {
        if (offset + PAGE >= first_page(b) && offset < first_page(b) + page_bytes(b) + PAGE) {
            fail("touched", b, offset);
        }
    }
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const uint8_t *address = info->si_addr;
    (void)number;
    (void)context;
    if (address >= s_arena && address < s_arena + ARENA_BYTES) {
        find(s_buffers, (size_t)(address - s_arena));
    }
    if (address >= s_weights && address < s_weights + WEIGHTS_BYTES) {
        find(s_constants, (size_t)(address - s_weights));
    }
    harness_fail(FAILED, "a fault outside of all buffers");
}

/* `bytes` of memory of which only the pages of `buffers` can be used. */
static uint8_t *place(const buffer_t *buffers, size_t bytes)
{
    uint8_t *memory = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        harness_fail(FAILED, "no memory");
    }
    for (const buffer_t *b = buffers; b->name != NULL; b++) {
        if (mprotect(memory + first_page(b), page_bytes(b), PROT_READ | PROT_WRITE) != 0) {
            harness_fail(FAILED, "the pages cannot be protected");
        }
        memset(memory + first_page(b), PATTERN, page_bytes(b));
    }
    return memory;
}

static void place_weights(void)
{
    s_weights = place(s_constants, WEIGHTS_BYTES);
    for (const buffer_t *b = s_constants; b->name != NULL; b++) {
        memcpy(s_weights + b->offset, HARNESS_MODEL.weights + b->offset, b->bytes);
        mprotect(s_weights + first_page(b), page_bytes(b), PROT_READ);
    }
}

static void begin_layer(unsigned index)
{
    s_layer = index;
    for (const buffer_t *b = s_buffers; b->name != NULL; b++) {
        memcpy(s_copy + first_page(b), s_arena + first_page(b), page_bytes(b));
    }
}

static void end_layer(unsigned index)
{
    for (size_t i = s_first_write[index]; i < s_first_write[index + 1]; i++) {
        memcpy(s_copy + s_writes[i].offset, s_arena + s_writes[i].offset, s_writes[i].bytes);
    }
    for (const buffer_t *b = s_buffers; b->name != NULL; b++) {
        for (size_t i = first_page(b); i < first_page(b) + page_bytes(b); i++) {
            if (s_copy[i] != s_arena[i]) {
                fail("wrote", b, i);
            }
        }
    }
}

static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    const uint32_t wants_layers = *(const uint32_t *)user;
    if (phase == ESPDL_LAYER_BEGIN) {
        begin_layer(layer->index);
        return true;
    }
    end_layer(layer->index);
    for (size_t i = 0; wants_layers && i < layer->output_count; i++) {
        harness_write_span(s_arena, &layer->outputs[i]);
    }
    return true;
}

static void check(bool good, const char *text)
{
    if (!good) {
        harness_fail(FAILED, text);
    }
}

static void run_sample(espdl_t *instance)
{
    for (size_t i = 0; i < HARNESS_MODEL.input_count; i++) {
        const size_t bytes = espdl_input_info(&HARNESS_MODEL, i)->bytes;
        check(harness_read(espdl_input(instance, i), bytes) == bytes, "the input stream ended early");
    }
    const espdl_status_t status = espdl_run(instance);
    check(status == ESPDL_OK, espdl_status_name(status));
    for (size_t i = 0; i < HARNESS_MODEL.output_count; i++) {
        harness_write(espdl_output(instance, i), espdl_output_info(&HARNESS_MODEL, i)->bytes);
    }
}

int main(void)
{
    uint32_t head[2]; /* samples, whether the layers' outputs are wanted */
    check(harness_read(head, sizeof(head)) == sizeof(head), "the input stream ended early");
    const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    s_arena = place(s_buffers, ARENA_BYTES);
    place_weights();
    s_copy = malloc(ARENA_BYTES);
    check(s_copy != NULL, "no memory");
    espdl_t instance;
    const espdl_config_t config = {
        .arena = s_arena, .arena_size = ARENA_BYTES, .weights = s_weights, .on_layer = on_layer, .user = &head[1]};
    const espdl_status_t status = espdl_init(&instance, &HARNESS_MODEL, &config);
    check(status == ESPDL_OK, espdl_status_name(status));
    for (uint32_t sample = 0; sample < head[0]; sample++) {
        run_sample(&instance);
    }
    free(s_copy);
    return 0;
}
