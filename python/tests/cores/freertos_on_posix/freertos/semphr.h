/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include "FreeRTOS.h"

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t given_cond;
    bool is_given;
} StaticSemaphore_t;
typedef StaticSemaphore_t *SemaphoreHandle_t;

static inline SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory)
{
    pthread_mutex_init(&memory->mutex, NULL);
    pthread_cond_init(&memory->given_cond, NULL);
    memory->is_given = false;
    return memory;
}

static inline void vSemaphoreDelete(SemaphoreHandle_t semaphore)
{
    pthread_cond_destroy(&semaphore->given_cond);
    pthread_mutex_destroy(&semaphore->mutex);
}

static inline BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore)
{
    pthread_mutex_lock(&semaphore->mutex);
    const bool was_given = semaphore->is_given;
    semaphore->is_given = true;
    pthread_cond_signal(&semaphore->given_cond);
    pthread_mutex_unlock(&semaphore->mutex);
    return was_given ? pdFALSE : pdTRUE;
}

static inline BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t ticks)
{
    pthread_mutex_lock(&semaphore->mutex);
    while (!semaphore->is_given && ticks != 0) {
        pthread_cond_wait(&semaphore->given_cond, &semaphore->mutex);
    }
    const bool is_taken = semaphore->is_given;
    semaphore->is_given = false;
    pthread_mutex_unlock(&semaphore->mutex);
    return is_taken ? pdTRUE : pdFALSE;
}
