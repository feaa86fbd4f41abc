/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* What src/cores.c wants of an operating system: a task on the other core, and a way to sleep until somebody wakes
 * one. */
#pragma once

#include "espdl_cores.h"

/* Who sleeps. */
enum { ESPDL_RUN = 0, ESPDL_WORKER = 1 };

/* What comes of an attempt to make a task. */
typedef enum { ESPDL_PORT_STARTED, ESPDL_PORT_ONE_CORE, ESPDL_PORT_NO_MEMORY } espdl_port_start_t;

/* Makes a task that calls espdl_work(worker) and ends when it returns. */
espdl_port_start_t espdl_port_start(espdl_worker_t *worker, const espdl_worker_config_t *config);

/* Waits until espdl_work() has returned, and releases what was made. */
void espdl_port_join(espdl_worker_t *worker);

/* Sleeps until espdl_port_wake() was called for the same sleeper since it slept last; may return earlier. */
void espdl_port_sleep(espdl_worker_t *worker, int sleeper);
void espdl_port_wake(espdl_worker_t *worker, int sleeper);

/* Whether the caller has the worker for itself now; it is no other's until it gives it back. */
bool espdl_port_try_lock(espdl_worker_t *worker);
void espdl_port_unlock(espdl_worker_t *worker);

/* A clock of the present core, modulo 2^32; and its ticks in a microsecond. */
uint32_t espdl_port_now(void);
uint32_t espdl_port_ticks(void);

/* The worker's task; in src/cores.c. */
void espdl_work(espdl_worker_t *worker);
