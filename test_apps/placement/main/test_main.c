/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Models in two components, and memory where the configuration wants it. Prints a line for each test, then PASS or FAIL. */
#include <stdio.h>
#include <stdlib.h>

#include "first_test.h"
#include "sdkconfig.h"
#include "second_component.h"

#ifndef CONFIG_IDF_TARGET_LINUX
#include "esp_memory_utils.h"
#endif

static int s_failures;

static void check(bool passed, const char *what)
{
    printf("%s: %s\n", passed ? "ok" : "FAILED", what);
    s_failures += !passed;
}

static bool init(first_t *model)
{
#ifdef CONFIG_ESPDL_ARENA_STATIC
    return first_init(model, NULL) == ESPDL_OK;
#else
    static first_arena_t arena;
    check(first_init(model, NULL) == ESPDL_NULL_ARGUMENT, "an arena is wanted");
    return first_init(model, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena}) == ESPDL_OK;
#endif
}

static void check_weights(const first_t *model)
{
    const void *used = model->base.weights;
#ifdef CONFIG_ESPDL_WEIGHTS_FLASH
    check(used == first_model.weights, "weights are used where they are linked");
#else
    check(used != first_model.weights && used == first_model.weights_copy, "weights are copied");
#endif
#ifndef CONFIG_IDF_TARGET_LINUX
#if defined(CONFIG_ESPDL_WEIGHTS_RAM)
    check(esp_ptr_internal(used), "weights are in internal RAM");
#elif defined(CONFIG_ESPDL_WEIGHTS_PSRAM)
    check(esp_ptr_external_ram(used), "weights are in PSRAM");
#else
    check(esp_ptr_in_drom(used), "weights are in flash");
#endif
#endif
}

void app_main(void)
{
    first_t model;
    check(init(&model), "initialised");
    check_weights(&model);
    check(first_self_test(&model, NULL) == ESPDL_OK, "test vectors");
    check(second_component_check() == ESPDL_OK, "the model of the other component");
    printf("%s\n", s_failures == 0 ? "PASS" : "FAIL");
    fflush(stdout);
#ifdef CONFIG_IDF_TARGET_LINUX
    exit(s_failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
#endif
}
