/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl_cores.h"

#include <string.h>

#include "cores_port.h"
#include "hook.h"
#include "take_inputs.h"

#ifdef ESP_PLATFORM
#include "sdkconfig.h"
#endif

#if !defined(CONFIG_ESPDL_WORKER_PRIORITY)
#define CONFIG_ESPDL_WORKER_PRIORITY 0
#endif
#if !defined(CONFIG_ESPDL_WORKER_SPIN_US)
#define CONFIG_ESPDL_WORKER_SPIN_US 100
#endif
#if defined(CONFIG_ESPDL_PROFILE)
#define IS_MEASURED 1
#else
#define IS_MEASURED 0
#endif

/* Tests delay the cores here, at random. */
#if !defined(ESPDL_CORES_DELAY)
#define ESPDL_CORES_DELAY()
#endif

/* The one writable global of the runtime; it is linked with models for two cores only. */
static espdl_worker_t s_shared;

static uint32_t load(const uint32_t *cell)
{
    return __atomic_load_n(cell, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *cell, uint32_t value)
{
    __atomic_store_n(cell, value, __ATOMIC_SEQ_CST);
}

static uint32_t measure(void)
{
    return IS_MEASURED ? espdl_port_now() : 0;
}

/*
 * Waits while `cell` holds `old`: awake at first, then asleep. Whoever changes it looks afterwards whether somebody
 * sleeps, and who wants to sleep looks once more after having said so: one of them sees what the other one did.
 */
static void wait_while(espdl_worker_t *worker, const uint32_t *cell, uint32_t old, int sleeper)
{
    ESPDL_CORES_DELAY();
    if (load(cell) != old) {
        return;
    }
    uint32_t begin = espdl_port_now();
    while (load(cell) == old) {
        if (load(&worker->is_open) && espdl_port_now() - begin < worker->spin) {
            continue;
        }
        store(&worker->sleeps[sleeper], 1);
        if (load(cell) == old) {
            espdl_port_sleep(worker, sleeper);
        }
        store(&worker->sleeps[sleeper], 0);
        begin = espdl_port_now();
    }
}

static void change(espdl_worker_t *worker, uint32_t *cell, uint32_t value, int sleeper)
{
    ESPDL_CORES_DELAY();
    store(cell, value);
    if (load(&worker->sleeps[sleeper])) {
        espdl_port_wake(worker, sleeper);
    }
}

void espdl_work(espdl_worker_t *worker)
{
    for (uint32_t turn = 0;;) {
        wait_while(worker, &worker->given, turn, ESPDL_WORKER);
        turn++;
        if (worker->ends) {
            return;
        }
        const uint32_t begin = measure();
        if (worker->stripe != NULL) {
            worker->row_step(worker->arena, worker->weights, worker->stripe);
        } else {
            worker->step(worker->arena, worker->weights);
        }
        worker->works += measure() - begin;
        change(worker, &worker->done, turn, ESPDL_RUN);
    }
}

espdl_status_t espdl_worker_start(espdl_worker_t *self, const espdl_worker_config_t *config)
{
    if (self == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    espdl_worker_config_t chosen = config != NULL ? *config : (espdl_worker_config_t){0};
    chosen.stack_size = chosen.stack_size != 0 ? chosen.stack_size : ESPDL_WORKER_STACK;
    chosen.priority = chosen.priority != 0 ? chosen.priority : CONFIG_ESPDL_WORKER_PRIORITY;
    chosen.spin_us = chosen.spin_us != 0 ? chosen.spin_us : CONFIG_ESPDL_WORKER_SPIN_US;
    memset(self, 0, sizeof(*self));
    self->spin = chosen.spin_us * espdl_port_ticks();
    const espdl_port_start_t started = espdl_port_start(self, &chosen);
    self->is_running = started == ESPDL_PORT_STARTED;
    return started == ESPDL_PORT_NO_MEMORY ? ESPDL_NO_WORKER : ESPDL_OK;
}

void espdl_worker_stop(espdl_worker_t *self)
{
    if (self == NULL || !self->is_running) {
        return;
    }
    self->ends = 1;
    change(self, &self->given, self->given + 1, ESPDL_WORKER);
    espdl_port_join(self);
    self->is_running = 0;
}

espdl_worker_t *espdl_shared_worker(void)
{
    return &s_shared;
}

espdl_status_t espdl_init_cores(espdl_t *self, const espdl_config_t *config)
{
    self->worker = config->worker != NULL ? config->worker : &s_shared;
    return self->worker == &s_shared && !s_shared.is_running ? espdl_worker_start(&s_shared, NULL) : ESPDL_OK;
}

/* The worker, if it can work for this run. */
static espdl_worker_t *open_worker(espdl_worker_t *worker)
{
    if (!worker->is_running || !espdl_port_try_lock(worker)) {
        return NULL;
    }
    store(&worker->is_open, 1);
    espdl_port_wake(worker, ESPDL_WORKER);
    return worker;
}

static void close_worker(espdl_worker_t *worker)
{
    store(&worker->is_open, 0);
    espdl_port_unlock(worker);
}

static void give(espdl_worker_t *worker, const espdl_t *self)
{
    worker->arena = self->arena;
    worker->weights = self->weights;
    change(worker, &worker->given, worker->given + 1, ESPDL_WORKER);
}

static void await(espdl_worker_t *worker)
{
    const uint32_t begin = measure();
    wait_while(worker, &worker->done, worker->given - 1, ESPDL_RUN);
    worker->run_waits += measure() - begin;
}

static void run_turn(const espdl_t *self, const espdl_turn_t *turn)
{
    espdl_worker_t *worker = self->worker;
    const bool is_shared = worker != NULL && turn->steps[1] != NULL;
    if (is_shared) {
        worker->step = turn->steps[1];
        worker->stripe = NULL;
        give(worker, self);
    }
    turn->steps[0](self->arena, self->weights);
    if (is_shared) {
        await(worker);
    } else if (turn->steps[1] != NULL) {
        turn->steps[1](self->arena, self->weights);
    }
}

void espdl_share_rows(const espdl_t *self, espdl_stripe_step_t step, const espdl_stripe_t *first,
                      const espdl_stripe_t *second)
{
    espdl_worker_t *worker = self->worker;
    worker->row_step = step;
    worker->stripe = second;
    give(worker, self);
    step(self->arena, self->weights, first);
    await(worker);
}

static bool call_hook(const espdl_t *self, size_t index, espdl_phase_t phase)
{
    espdl_layer_t nameless;
    return self->on_layer == NULL || self->on_layer(self->user, espdl_layer_of(self->model, index, &nameless), phase);
}

/* The hook for the layers of a turn that has run: of those beside the first, begin and end are one. */
static bool end_layers(const espdl_t *self, const espdl_turn_t *turn)
{
    bool go_on = call_hook(self, turn->first, ESPDL_LAYER_END);
    for (size_t i = turn->first + 1u; go_on && i < turn->stop; i++) {
        go_on = call_hook(self, i, ESPDL_LAYER_BEGIN) && call_hook(self, i, ESPDL_LAYER_END);
    }
    return go_on;
}

static espdl_status_t run_turns(const espdl_t *self, const espdl_cores_t *cores)
{
    const espdl_region_t *region = self->model->regions;
    for (const espdl_turn_t *turn = cores->turns, *const end = turn + cores->turn_count; turn != end; turn++) {
        if (turn->steps[0] == NULL) {
            const espdl_status_t status = region->run(self, region);
            if (status != ESPDL_OK) {
                return status;
            }
            region++;
            continue;
        }
        const bool is_first = turn == cores->turns || turn[-1].first != turn->first;
        if (is_first && !call_hook(self, turn->first, ESPDL_LAYER_BEGIN)) {
            return ESPDL_CANCELLED;
        }
        run_turn(self, turn);
        const bool is_last = turn + 1 == end || turn[1].first != turn->first;
        if (is_last && !end_layers(self, turn)) {
            return ESPDL_CANCELLED;
        }
    }
    return ESPDL_OK;
}

espdl_status_t espdl_run_cores(const espdl_t *self)
{
    if (espdl_take_inputs(self) != ESPDL_OK) {
        return ESPDL_NO_INPUT;
    }
    espdl_t run = *self;
    run.worker = open_worker(self->worker);
    const uint32_t begin = measure();
    const espdl_status_t status = run_turns(&run, self->model->cores);
    if (run.worker != NULL) {
        run.worker->run_ticks += measure() - begin;
        run.worker->runs++;
        close_worker(run.worker);
    }
    return status;
}
