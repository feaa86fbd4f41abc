/*
 * SPDX-License-Identifier: CC0-1.0
 */
#include "second_component.h"

#include "second_test.h"

int second_component_check(void)
{
    static second_arena_t arena;
    second_t model;
    int failures = second_init(&model, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena}) != ESPDL_OK;
    for (size_t i = 0; i < SECOND_TEST_COUNT; i++) {
        size_t differences = 1;
        failures += second_test(&model, i, &differences) != ESPDL_OK || differences != 0;
    }
    return failures;
}
