/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Two runs of a compiled model on inputs of zeros, and the profile of the second: instructions of every layer. The kernels'
 * instructions hardly depend on the data. Compiled with MEASURE_HEADER ("net.h"), MEASURE_MODEL (net_model) and
 * MEASURE_ARENA (net_arena_t).
 */
#include MEASURE_HEADER

#include <stdlib.h>
#include <string.h>

#include "espdl_profile.h"

static MEASURE_ARENA s_arena;

static void clear_inputs(const espdl_t *net)
{
    for (size_t i = 0; i < MEASURE_MODEL.input_count; i++) {
        memset(espdl_input(net, i), 0, espdl_input_info(&MEASURE_MODEL, i)->bytes);
    }
}

int main(void)
{
    static espdl_profile_t s_profile;
    espdl_profile_layer_t *layers = calloc(MEASURE_MODEL.layer_count, sizeof(*layers));
    espdl_t net;
    espdl_status_t status =
        espdl_init(&net, &MEASURE_MODEL, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof(s_arena)});
    for (int i = 0; i < 2 && status == ESPDL_OK; i++) {
        espdl_set_hook(&net, NULL, NULL);
        status = espdl_profile_attach(&s_profile, layers, MEASURE_MODEL.layer_count, &net);
        if (status == ESPDL_OK) {
            clear_inputs(&net);
            status = espdl_run(&net);
        }
    }
    espdl_profile_print(&s_profile);
    return status != ESPDL_OK;
}
