/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* As much of FreeRTOS, on POSIX threads, as src/cores_freertos.h takes: two cores, tasks that run until they suspend themselves. */
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
typedef uint8_t StackType_t;

#define configNUM_CORES 2
#define pdTRUE 1
#define pdFALSE 0
#define pdPASS 1
#define portMAX_DELAY UINT32_MAX
#define xPortGetCoreID() 0
