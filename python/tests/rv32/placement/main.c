/*
 * SPDX-License-Identifier: CC0-1.0
 */
/*
 * Where the weights are linked and used, then what the outputs depend on. Prints
 *     linked <address> used <address> arena <address>
 *     init <status>  run <status>  damaged <status>  again <status>
 * "damaged": a run after the first weights that are used were overwritten, which is left out where they are constant.
 * "again": a run after another init, which must repair them.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "net_test.h"

#define PSRAM ((uint8_t *)0x87000000)

static net_arena_t s_arena;
static net_t s_net;

static espdl_status_t init(void)
{
    return net_init(&s_net, &(espdl_config_t){.arena = &s_arena, .arena_size = sizeof(s_arena)});
}

static void write(const char *text)
{
    machine_write(text, strlen(text));
}

int main(void)
{
    char line[128];
    memset(PSRAM, 0xA5, 1 << 20); /* what PSRAM holds after power-on */
    espdl_status_t status = init();
    const uint8_t *used = s_net.base.weights;
    snprintf(line, sizeof(line), "linked %p used %p arena %p\n", (const void *)net_model.weights, (const void *)used,
             (void *)s_net.base.arena);
    write(line);
    const char *run = espdl_status_name(net_self_test(&s_net, NULL));
    const char *damaged = "-";
    if (net_model.weights_copy != NULL) {
        memset(net_model.weights_copy, 0x15, 16); /* of the first layer; lengths, which stand among them too, are trusted */
        damaged = espdl_status_name(net_self_test(&s_net, NULL));
    }
    init();
    snprintf(line, sizeof(line), "init %s run %s damaged %s again %s\n", espdl_status_name(status), run, damaged,
             espdl_status_name(net_self_test(&s_net, NULL)));
    write(line);
    return 0;
}
