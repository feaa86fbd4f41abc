/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* FreeRTOS of ESP-IDF, with two cores. */
#pragma once

#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#include "cores_port.h"

#if defined(CONFIG_IDF_TARGET_LINUX)
#include <time.h>
#else
#include "esp_cpu.h"
#include "esp_rom_sys.h"
#endif

typedef struct {
    TaskHandle_t task;
    SemaphoreHandle_t lock; /* who has the worker */
    SemaphoreHandle_t woken[2];
    StaticSemaphore_t semaphores[3];
    StaticTask_t memory; /* of the task, where the application gives its stack */
} system_t;

_Static_assert(sizeof(system_t) <= ESPDL_WORKER_SYSTEM_BYTES, "ESPDL_WORKER_SYSTEM_BYTES is too small");

static system_t *system_of(espdl_worker_t *worker)
{
    return (system_t *)(void *)worker->system;
}

/* A task that deletes itself is released some time later, by the idle task; one that rests at once, by whoever deletes
 * it. */
static void work(void *worker)
{
    espdl_work(worker);
    for (;;) {
        vTaskSuspend(NULL);
    }
}

static bool make_task(espdl_worker_t *worker, const espdl_worker_config_t *config, BaseType_t core)
{
    system_t *system = system_of(worker);
    const UBaseType_t priority = config->priority != 0 ? config->priority : uxTaskPriorityGet(NULL);
    /* Of bytes on chips, of words on computers. */
    const uint32_t depth = (uint32_t)(config->stack_size / sizeof(StackType_t));
    if (config->stack != NULL) {
        system->task = xTaskCreateStaticPinnedToCore(work, "espdl", depth, worker, priority, config->stack,
                                                     &system->memory, core);
        return system->task != NULL;
    }
    return xTaskCreatePinnedToCore(work, "espdl", depth, worker, priority, &system->task, core) == pdPASS;
}

static void release(system_t *system)
{
    vSemaphoreDelete(system->lock);
    vSemaphoreDelete(system->woken[ESPDL_RUN]);
    vSemaphoreDelete(system->woken[ESPDL_WORKER]);
}

espdl_port_start_t espdl_port_start(espdl_worker_t *worker, const espdl_worker_config_t *config)
{
#if defined(CONFIG_FREERTOS_UNICORE) && !defined(ESPDL_CORES_FREERTOS)
    (void)worker;
    (void)config;
    (void)make_task;
    (void)release;
    return ESPDL_PORT_ONE_CORE;
#else
    system_t *system = system_of(worker);
    system->lock = xSemaphoreCreateBinaryStatic(&system->semaphores[0]);
    system->woken[ESPDL_RUN] = xSemaphoreCreateBinaryStatic(&system->semaphores[1]);
    system->woken[ESPDL_WORKER] = xSemaphoreCreateBinaryStatic(&system->semaphores[2]);
    xSemaphoreGive(system->lock);
    const BaseType_t core = configNUM_CORES > 1 ? 1 - xPortGetCoreID() : 0;
    if (!make_task(worker, config, core)) {
        release(system);
        return ESPDL_PORT_NO_MEMORY;
    }
    return ESPDL_PORT_STARTED;
#endif
}

void espdl_port_join(espdl_worker_t *worker)
{
    system_t *system = system_of(worker);
    while (eTaskGetState(system->task) != eSuspended) {
        vTaskDelay(1);
    }
    vTaskDelete(system->task);
    release(system);
}

void espdl_port_sleep(espdl_worker_t *worker, int sleeper)
{
    xSemaphoreTake(system_of(worker)->woken[sleeper], portMAX_DELAY);
}

void espdl_port_wake(espdl_worker_t *worker, int sleeper)
{
    xSemaphoreGive(system_of(worker)->woken[sleeper]);
}

bool espdl_port_try_lock(espdl_worker_t *worker)
{
    return xSemaphoreTake(system_of(worker)->lock, 0) == pdTRUE;
}

void espdl_port_unlock(espdl_worker_t *worker)
{
    xSemaphoreGive(system_of(worker)->lock);
}

#if defined(CONFIG_IDF_TARGET_LINUX)

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

#else

uint32_t espdl_port_now(void)
{
    return (uint32_t)esp_cpu_get_cycle_count();
}

uint32_t espdl_port_ticks(void)
{
    return esp_rom_get_cpu_ticks_per_us();
}

#endif
