/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Two cores: models compiled with CORES 2 (or auto, on a chip with two) give half of most layers to a worker, a task on the
 * other core.
 *
 * Without further ado, the first <name>_init() of such a model starts a worker that all models share; its task is allocated
 * once. To choose its stack or priority, start one of your own, and pass it in espdl_config_t.worker:
 *
 *     static espdl_worker_t worker;
 *     static ESPDL_ALIGNED uint8_t stack[ESPDL_WORKER_STACK];
 *     espdl_worker_start(&worker, &(espdl_worker_config_t){.stack = stack, .stack_size = sizeof stack});
 *     net_init(&net, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena, .worker = &worker});
 *
 * - Between runs the worker sleeps. In a run it waits for its next piece of work awake, for at most `spin_us` microseconds,
 *   then it sleeps again; so does the run when it waits for the worker. Where the layer hook yields, both cores get to rest.
 * - It computes nothing while the layer hook is called, or behind a run that was cancelled.
 * - One run has a worker at a time. Another one that comes meanwhile, of whatever model, computes alone; so does every run
 *   where there is no second core: no task is made then. The outputs are the same, byte for byte.
 */
#pragma once

#include "espdl_stripes.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(ESP_PLATFORM)
#include "sdkconfig.h"
#endif

/** Bytes of the worker's stack: what the deepest kernel takes, and what an interrupt puts there; the report says more. */
#if defined(CONFIG_ESPDL_WORKER_STACK)
#define ESPDL_WORKER_STACK CONFIG_ESPDL_WORKER_STACK
#else
#define ESPDL_WORKER_STACK 4096
#endif

/** Memory for what the operating system wants to know of a task, bytes. */
#define ESPDL_WORKER_SYSTEM_BYTES 1024

/** How a worker is made. All zero: what menuconfig says. */
typedef struct {
    void *stack;       /**< memory for its stack, as long as it runs, in internal RAM; NULL: allocated. Not read on a computer */
    size_t stack_size; /**< bytes; 0: ESPDL_WORKER_STACK */
    uint32_t priority; /**< of its task; 0: that of the task that makes it */
    uint32_t spin_us;  /**< how long it, and a run, wait awake; 0: CONFIG_ESPDL_WORKER_SPIN_US, which is 100 */
} espdl_worker_config_t;

/** A worker. Its fields are private; it is neither moved nor copied while it runs. */
typedef struct espdl_worker {
    espdl_step_t step; /* what it has to do; where `stripe` is not NULL, row_step */
    espdl_stripe_step_t row_step;
    const espdl_stripe_t *stripe;
    uint8_t *arena;
    const uint8_t *weights;
    uint32_t given, done; /* pieces of work; its task is idle where they are equal */
    uint32_t spin;        /* ticks */
    uint32_t is_running, is_open, ends;
    uint32_t sleeps[2];   /* the run, the worker */
    uint64_t run_ticks, run_waits, works; /* of the runs: all of it; waiting for the worker; the worker's work */
    uint32_t runs;
    ESPDL_ALIGNED uint8_t system[ESPDL_WORKER_SYSTEM_BYTES];
} espdl_worker_t;

/**
 * Make the task, pinned to the core that the caller is not on.
 *
 * @param self    filled; all zero, or stopped
 * @param config  copied; NULL: all defaults
 * @return ESPDL_OK, also where there is no second core, and no task is made; ESPDL_NULL_ARGUMENT; ESPDL_NO_WORKER where
 *         memory is missing
 */
espdl_status_t espdl_worker_start(espdl_worker_t *self, const espdl_worker_config_t *config);

/** End the task and release what was allocated, while no run uses it. Runs of instances that have it compute alone. */
void espdl_worker_stop(espdl_worker_t *self);

/** The worker of instances without one of their own: the first of them starts it. */
espdl_worker_t *espdl_shared_worker(void);

/** What both cores do before either goes on. For generated code. */
typedef struct espdl_turn {
    espdl_step_t steps[2]; /**< of the core that runs the model, and of the other (NULL: nothing); both NULL: a region */
    uint16_t first, stop;  /**< the layers that they belong to; turns of one layer follow each other */
} espdl_turn_t;

/** Finds the instance its worker, and starts the one that all share. As espdl_worker_start(). */
espdl_status_t espdl_init_cores(espdl_t *self, const espdl_config_t *config);

/** Run all turns of a model. As espdl_run(). */
espdl_status_t espdl_run_cores(const espdl_t *self);

/** Run a layer for some rows, `second` on the other core, which self->worker is. */
void espdl_share_rows(const espdl_t *self, espdl_stripe_step_t step, const espdl_stripe_t *first,
                      const espdl_stripe_t *second);

#ifdef __cplusplus
}
#endif
