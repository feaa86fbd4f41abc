/*
 * SPDX-License-Identifier: CC0-1.0
 */
#include "second_component.h"

#include "second_test.h"

espdl_status_t second_component_check(void)
{
    static second_arena_t arena;
    second_t model;
    espdl_status_t status = second_init(&model, &(espdl_config_t){.arena = &arena, .arena_size = sizeof arena});
    return status == ESPDL_OK ? second_self_test(&model, NULL) : status;
}
