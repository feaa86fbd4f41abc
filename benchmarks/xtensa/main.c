/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* Prints ticks, a line each: of nothing, of a run of the model, of each of its layers (0 where it runs stripe by stripe). */
#include "net.h"

#include "espdl_stream.h"

uint32_t machine_ticks(void);
void machine_print(const char *text, int32_t bytes);

static net_arena_t s_arena;
/* What inputs at the caller hold: nothing of it counts. */
static _Alignas(16) uint8_t s_input[4 * 224 * 224];

static void print_number(uint32_t value)
{
    char text[12];
    int32_t i = sizeof text;
    text[--i] = '\n';
    do {
        text[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    machine_print(text + i, (int32_t)sizeof text - i);
}

/* A run of the whole model; inputs in the arena, which answer otherwise, are there already. Of a stream, a push. */
static espdl_status_t run(espdl_t *net)
{
    if (net_model.stream != NULL) {
        (void)espdl_push(net, net_model.stream->input, s_input, net_model.stream->hop);
    }
    for (size_t i = 0; i < net_model.input_count; i++) {
        (void)espdl_set_input(net, i, s_input);
    }
    return espdl_run(net);
}

int main(void)
{
    const espdl_config_t config = {.arena = &s_arena, .arena_size = sizeof s_arena};
    espdl_t net;
    if (espdl_init(&net, &net_model, &config) != ESPDL_OK) {
        return 1;
    }
    espdl_status_t status = run(&net);
    for (uint32_t i = 0; net_model.stream != NULL && i < net_model.stream->settles; i++) {
        status = run(&net);
    }
    if (status != ESPDL_OK) {
        return 1;
    }
    uint32_t begin = machine_ticks();
    print_number(machine_ticks() - begin);
    begin = machine_ticks();
    (void)run(&net);
    print_number(machine_ticks() - begin);
    for (size_t i = 0; i < net_model.layer_count; i++) {
        begin = machine_ticks();
        if (net_model.steps[i] != NULL) {
            net_model.steps[i](net.arena, net.weights);
        }
        print_number(machine_ticks() - begin);
    }
    return 0;
}
