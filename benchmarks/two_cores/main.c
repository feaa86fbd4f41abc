/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * What each of two cores does, counted on one. Prints instructions, a line each: of reading the counter, of a run in which the
 * other core is done at once (what this core does); where there are two, of the other one from a piece of work to the next
 * without the work, then of each turn what the first and the second core compute, 0 where that is nothing or a region.
 */
#if defined(__riscv)
#include "machine.h"

static uint32_t ticks(void)
{
    return (uint32_t)machine_instructions();
}
#define print(text, bytes) machine_write(text, (size_t)(bytes))
#else
#include "espdl.h"

uint32_t machine_ticks(void);
void machine_print(const char *text, int32_t bytes);
#define ticks() machine_ticks()
#define print(text, bytes) machine_print(text, bytes)
#endif

#include "net.h"

/* The other core is done whenever the run begins to wait for it. */
#include "espdl_cores.h"
static espdl_worker_t *s_waited_for;
#define ESPDL_CORES_DELAY() (s_waited_for->done = s_waited_for->given)
#include "../../src/cores.c"

espdl_port_start_t espdl_port_start(espdl_worker_t *worker, const espdl_worker_config_t *config)
{
    (void)config;
    s_waited_for = worker;
    return ESPDL_PORT_STARTED;
}

void espdl_port_join(espdl_worker_t *worker)
{
    (void)worker;
}

void espdl_port_sleep(espdl_worker_t *worker, int sleeper)
{
    (void)worker;
    (void)sleeper;
}

void espdl_port_wake(espdl_worker_t *worker, int sleeper)
{
    (void)worker;
    (void)sleeper;
}

bool espdl_port_try_lock(espdl_worker_t *worker)
{
    (void)worker;
    return true;
}

void espdl_port_unlock(espdl_worker_t *worker)
{
    (void)worker;
}

uint32_t espdl_port_now(void)
{
    return 0;
}

uint32_t espdl_port_ticks(void)
{
    return 1;
}

static void print_number(uint32_t value)
{
    char text[12];
    int32_t i = sizeof text;
    text[--i] = '\n';
    do {
        text[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    print(text + i, (int32_t)sizeof text - i);
}

static net_arena_t s_arena;
static _Alignas(16) uint8_t s_input[4 * 224 * 224];

static bool run(espdl_t *net)
{
    for (size_t i = 0; i < net_model.input_count; i++) {
        (void)espdl_set_input(net, i, s_input);
    }
    return espdl_run(net) == ESPDL_OK;
}

static void measure_step(const espdl_t *net, espdl_step_t step)
{
    const uint32_t begin = ticks();
    if (step != NULL) {
        step(net->arena, net->weights);
    }
    print_number(ticks() - begin);
}

static espdl_worker_t s_probe;
static uint32_t s_begin, s_end;

/* The second time it is called, it ends the worker. */
static void probe(uint8_t *arena, const uint8_t *weights)
{
    (void)arena;
    (void)weights;
    s_begin = s_end;
    s_end = ticks();
    s_probe.given++;
    s_probe.ends = s_probe.given == 3;
}

static uint32_t between_pieces(void)
{
    espdl_worker_t *const waited_for = s_waited_for;
    static espdl_worker_t s_other;
    s_waited_for = &s_other;
    s_probe.step = probe;
    s_probe.given = 1;
    espdl_work(&s_probe);
    s_waited_for = waited_for;
    return s_end - s_begin;
}

int main(void)
{
    const espdl_config_t config = {.arena = &s_arena, .arena_size = sizeof s_arena};
    espdl_t net;
    if (espdl_init(&net, &net_model, &config) != ESPDL_OK || !run(&net)) {
        return 1;
    }
    uint32_t begin = ticks();
    print_number(ticks() - begin);
    begin = ticks();
    const bool is_done = run(&net);
    print_number(ticks() - begin);
    if (net_model.cores == NULL) {
        return !is_done;
    }
    print_number(between_pieces());
    for (size_t i = 0; i < net_model.cores->turn_count; i++) {
        measure_step(&net, net_model.cores->turns[i].steps[0]);
        measure_step(&net, net_model.cores->turns[i].steps[1]);
    }
    return !is_done;
}
