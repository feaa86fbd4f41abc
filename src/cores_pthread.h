/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* POSIX threads: computers, and the linux target of ESP-IDF. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "cores_port.h"

typedef struct {
    pthread_t thread;
    pthread_mutex_t lock; /* who has the worker */
    pthread_mutex_t mutex;
    pthread_cond_t woken[2];
    bool is_woken[2];
} system_t;

_Static_assert(sizeof(system_t) <= ESPDL_WORKER_SYSTEM_BYTES, "ESPDL_WORKER_SYSTEM_BYTES is too small");

static system_t *system_of(espdl_worker_t *worker)
{
    return (system_t *)(void *)worker->system;
}

static void *work(void *worker)
{
    espdl_work(worker);
    return NULL;
}

static void release(system_t *system)
{
    pthread_cond_destroy(&system->woken[ESPDL_RUN]);
    pthread_cond_destroy(&system->woken[ESPDL_WORKER]);
    pthread_mutex_destroy(&system->mutex);
    pthread_mutex_destroy(&system->lock);
}

/* Signals are for the threads of the application: FreeRTOS of the linux target switches tasks by them. */
espdl_port_start_t espdl_port_start(espdl_worker_t *worker, const espdl_worker_config_t *config)
{
    (void)config;
    system_t *system = system_of(worker);
    *system = (system_t){.is_woken = {false, false}};
    pthread_mutex_init(&system->lock, NULL);
    pthread_mutex_init(&system->mutex, NULL);
    pthread_cond_init(&system->woken[ESPDL_RUN], NULL);
    pthread_cond_init(&system->woken[ESPDL_WORKER], NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&system->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        release(system);
        return ESPDL_PORT_NO_MEMORY;
    }
    return ESPDL_PORT_STARTED;
}

void espdl_port_join(espdl_worker_t *worker)
{
    system_t *system = system_of(worker);
    pthread_join(system->thread, NULL);
    release(system);
}

void espdl_port_sleep(espdl_worker_t *worker, int sleeper)
{
    system_t *system = system_of(worker);
    pthread_mutex_lock(&system->mutex);
    while (!system->is_woken[sleeper]) {
        pthread_cond_wait(&system->woken[sleeper], &system->mutex);
    }
    system->is_woken[sleeper] = false;
    pthread_mutex_unlock(&system->mutex);
}

void espdl_port_wake(espdl_worker_t *worker, int sleeper)
{
    system_t *system = system_of(worker);
    pthread_mutex_lock(&system->mutex);
    system->is_woken[sleeper] = true;
    pthread_cond_signal(&system->woken[sleeper]);
    pthread_mutex_unlock(&system->mutex);
}

bool espdl_port_try_lock(espdl_worker_t *worker)
{
    return pthread_mutex_trylock(&system_of(worker)->lock) == 0;
}

void espdl_port_unlock(espdl_worker_t *worker)
{
    pthread_mutex_unlock(&system_of(worker)->lock);
}

uint32_t espdl_port_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint32_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

uint32_t espdl_port_ticks(void)
{
    return 1000;
}
