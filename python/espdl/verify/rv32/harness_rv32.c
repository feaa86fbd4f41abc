/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * The harness on the bare machine. Notes to standard error:
 *     run <instructions> <bytes of stack>      for each run of the model
 *     layer <instructions> 0                   for each layer, where the harness was asked for costs
 * The stack is what espdl_run() uses below its caller, found by painting it.
 */
#include "harness.h"
#include "machine.h"

enum { STACK_PAINT = 0x51AC5EED };

/* The upper end of the stack and its size (picolibc's linker script). */
extern uint8_t __stack[], __stack_size[];

static uint8_t *s_caller;
static uint64_t s_run_start, s_layer_start, s_overhead;

size_t harness_read(void *data, size_t bytes)
{
    return machine_read(data, bytes);
}

void harness_write(const void *data, size_t bytes)
{
    machine_write(data, bytes);
}

_Noreturn void harness_fail(int code, const char *text)
{
    machine_fail(code, text);
}

/* What the counter itself costs between two readings. */
static uint64_t overhead(void)
{
    uint64_t start = machine_instructions();
    return machine_instructions() - start;
}

static uint32_t *stack_end(void)
{
    return (uint32_t *)(void *)(__stack - (uintptr_t)__stack_size);
}

static uint32_t *stack_pointer(void)
{
    register uintptr_t sp __asm__("sp");
    __asm__("" : "=r"(sp));
    return (uint32_t *)sp;
}

__attribute__((noinline)) void harness_before_run(void)
{
    s_caller = __builtin_frame_address(0);
    s_overhead = overhead();
    volatile uint32_t *top = stack_pointer();
    for (volatile uint32_t *word = stack_end(); word < top; word++) {
        *word = STACK_PAINT;
    }
    s_run_start = machine_instructions();
}

__attribute__((noinline)) void harness_after_run(void)
{
    const uint64_t instructions = machine_instructions() - s_run_start - s_overhead;
    const volatile uint32_t *word = stack_end();
    if (*word != STACK_PAINT) {
        harness_fail(1, "the stack is too small");
    }
    while (*word == STACK_PAINT) {
        word++;
    }
    machine_note("run", instructions, (uint64_t)(s_caller - (const uint8_t *)word));
}

void harness_before_layer(void)
{
    s_layer_start = machine_instructions();
}

void harness_after_layer(void)
{
    machine_note("layer", machine_instructions() - s_layer_start - s_overhead, 0);
}
