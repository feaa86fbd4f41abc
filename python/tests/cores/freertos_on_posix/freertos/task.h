/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include "FreeRTOS.h"

typedef enum { eRunning, eSuspended } eTaskState;

typedef struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    void (*code)(void *);
    void *argument;
    eTaskState state;
    bool is_allocated;
} StaticTask_t;
typedef StaticTask_t *TaskHandle_t;

static _Thread_local TaskHandle_t s_this_task;

static void *run_task(void *task)
{
    s_this_task = task;
    s_this_task->code(s_this_task->argument);
    abort(); /* a task of FreeRTOS must not return */
}

static inline TaskHandle_t xTaskCreateStaticPinnedToCore(void (*code)(void *), const char *name, uint32_t stack_bytes,
                                                         void *argument, UBaseType_t priority, StackType_t *stack,
                                                         StaticTask_t *task, BaseType_t core)
{
    if (name == NULL || stack_bytes < 1024 || stack == NULL || priority != 7 || core != 1) {
        abort();
    }
    *task = (StaticTask_t){.code = code, .argument = argument, .state = eRunning};
    pthread_mutex_init(&task->mutex, NULL);
    return pthread_create(&task->thread, NULL, run_task, task) == 0 ? task : NULL;
}

static inline BaseType_t xTaskCreatePinnedToCore(void (*code)(void *), const char *name, uint32_t stack_bytes, void *argument,
                                                 UBaseType_t priority, TaskHandle_t *task, BaseType_t core)
{
    static StackType_t s_no_stack;
    TaskHandle_t made = malloc(sizeof(*made));
    *task = made != NULL ? xTaskCreateStaticPinnedToCore(code, name, stack_bytes, argument, priority, &s_no_stack, made, core)
                         : NULL;
    if (*task == NULL) {
        free(made);
        return pdFALSE;
    }
    made->is_allocated = true;
    return pdPASS;
}

static inline UBaseType_t uxTaskPriorityGet(TaskHandle_t task)
{
    return task == NULL ? 7 : 0;
}

static inline eTaskState eTaskGetState(TaskHandle_t task)
{
    pthread_mutex_lock(&task->mutex);
    const eTaskState state = task->state;
    pthread_mutex_unlock(&task->mutex);
    return state;
}

/* Of itself: the thread ends, and nobody resumes it. */
static inline void vTaskSuspend(TaskHandle_t task)
{
    if (task != NULL) {
        abort();
    }
    pthread_mutex_lock(&s_this_task->mutex);
    s_this_task->state = eSuspended;
    pthread_mutex_unlock(&s_this_task->mutex);
    pthread_exit(NULL);
}

/* Of one that suspended itself: FreeRTOS would release a running one later. */
static inline void vTaskDelete(TaskHandle_t task)
{
    if (eTaskGetState(task) != eSuspended) {
        abort();
    }
    pthread_join(task->thread, NULL);
    pthread_mutex_destroy(&task->mutex);
    if (task->is_allocated) {
        free(task);
    }
}

static inline void vTaskDelay(TickType_t ticks)
{
    (void)ticks;
    sched_yield();
}
