/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Five runs with a profile, beside a hook that takes long and cancels a sixth. */
#include <stdio.h>
#include <string.h>

#include "espdl_profile.h"
#include "net.h"

static volatile unsigned s_work;
static bool s_cancel;

static bool slow_hook(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    (void)user;
    (void)phase;
    for (unsigned i = 0; i < 100000; i++) {
        s_work += i;
    }
    return !s_cancel || layer->index < 4;
}

int main(void)
{
    static net_arena_t s_arena;
    static espdl_profile_layer_t s_layers[NET_LAYER_COUNT];
    static espdl_profile_t s_profile;
    net_t net = {0};
    const espdl_config_t config = {.arena = &s_arena, .arena_size = sizeof s_arena, .on_layer = slow_hook};
    if (espdl_profile_attach(&s_profile, s_layers, NET_LAYER_COUNT, &net.base) != ESPDL_NOT_INITIALIZED ||
        net_init(&net, &config) != ESPDL_OK ||
        espdl_profile_attach(NULL, s_layers, NET_LAYER_COUNT, &net.base) != ESPDL_NULL_ARGUMENT ||
        espdl_profile_attach(&s_profile, s_layers, NET_LAYER_COUNT - 1, &net.base) != ESPDL_BUFFER_TOO_SMALL ||
        espdl_profile_attach(&s_profile, s_layers, NET_LAYER_COUNT, &net.base) != ESPDL_OK) {
        return 1;
    }
    espdl_profile_print(&s_profile);
    for (int i = 0; i < 6; i++) {
        s_cancel = i == 5;
        memset(net_input_image(&net), 3, NET_INPUT_IMAGE_SIZE);
        if (net_run(&net) != (s_cancel ? ESPDL_CANCELLED : ESPDL_OK)) {
            return 2;
        }
    }
    espdl_profile_print(&s_profile);
    return 0;
}
