/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Two threads run two instances of one model, each with its own arena, and must agree with a run alone. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

#define RUNS 50

static net_arena_t s_arenas[3];
static int8_t s_expected[NET_OUTPUT_SCORES_SIZE];

static int run(net_arena_t *arena, int8_t *scores)
{
    net_t net;
    if (net_init(&net, &(espdl_config_t){.arena = arena, .arena_size = sizeof(*arena)}) != ESPDL_OK) {
        return 1;
    }
    for (int i = 0; i < NET_INPUT_IMAGE_COUNT; i++) {
        net_input_image(&net)[i] = (int8_t)(i * 7 - 100);
    }
    if (net_run(&net) != ESPDL_OK) {
        return 1;
    }
    memcpy(scores, net_output_scores(&net), NET_OUTPUT_SCORES_SIZE);
    return 0;
}

static void *work(void *arena)
{
    int8_t scores[NET_OUTPUT_SCORES_SIZE];
    for (int i = 0; i < RUNS; i++) {
        if (run(arena, scores) != 0 || memcmp(scores, s_expected, sizeof(scores)) != 0) {
            return arena;
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    int failures = run(&s_arenas[2], s_expected);
    for (int i = 0; i < 2; i++) {
        failures += pthread_create(&threads[i], NULL, work, &s_arenas[i]) != 0;
    }
    for (int i = 0; i < 2; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        failures += failed != NULL;
    }
    puts(failures == 0 ? "all runs agree" : "a run differs");
    return failures;
}
