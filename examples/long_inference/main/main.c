/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* A run that gives way to other tasks between its layers, and one that is cancelled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "digits.h"

#ifdef ESP_PLATFORM
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#else
#include <sched.h>
#endif

#define YIELD_AFTER_MS 10

typedef struct {
    volatile bool cancel;  /* set by anybody, another task too: the run ends behind the layer it is in */
    int cancel_before;     /* for this example: as if somebody had asked right before this layer; -1: nobody */
    int64_t last_yield_ms;
    int yields;
    int layers;
} background_t;

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void give_way(void)
{
#ifdef ESP_PLATFORM
    vTaskDelay(1); /* at least a tick, so that tasks of lower priority run too: the idle task feeds the watchdog */
#else
    sched_yield();
#endif
}

static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    background_t *background = user;
    if (phase == ESPDL_LAYER_END) {
        background->layers++;
        return true;
    }
    if (layer->index == background->cancel_before) {
        background->cancel = true;
    }
    if (milliseconds() - background->last_yield_ms >= YIELD_AFTER_MS) {
        give_way();
        background->yields++;
        background->last_yield_ms = milliseconds();
    }
    return !background->cancel;
}

static void run(int cancel_before)
{
    static digits_arena_t s_arena;
    /* The last time of giving way is long ago: even a short run gives way once. */
    background_t background = {.cancel_before = cancel_before, .last_yield_ms = milliseconds() - YIELD_AFTER_MS};
    const espdl_config_t config = {
        .arena = &s_arena, .arena_size = sizeof s_arena, .on_layer = on_layer, .user = &background};
    digits_t net;
    espdl_status_t status = digits_init(&net, &config);
    if (status == ESPDL_OK) {
        memset(digits_input_image(&net), 0, DIGITS_INPUT_IMAGE_SIZE);
        status = digits_run(&net); /* after ESPDL_CANCELLED the outputs are not valid; the next run is like any other */
    }
    printf("%s: %d of %d layers, gave way %d times\n", espdl_status_name(status), background.layers, DIGITS_LAYER_COUNT,
           background.yields);
}

void app_main(void)
{
    espdl_log_identity(&digits_model);
    run(-1);
    run(5);
    run(-1);
#if !defined(ESP_PLATFORM) || defined(__linux__)
    exit(0); /* on a chip the main task just ends; here the scheduler would run on */
#endif
}

#ifndef ESP_PLATFORM
int main(void)
{
    app_main();
    return EXIT_FAILURE;
}
#endif
