/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Runs the model `net` in all ways that a worker must stand: see test_worker.py. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "espdl_cores.h"
#include "espdl_profile.h"
#include "net.h"

#include "input.h"
#include "output.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static net_arena_t s_arenas[2];

static void init(net_t *net, int index, espdl_worker_t *worker)
{
    const espdl_config_t config = {.arena = &s_arenas[index], .arena_size = sizeof(net_arena_t), .worker = worker};
    CHECK(net_init(net, &config) == ESPDL_OK);
}

static void run(net_t *net)
{
    memcpy(espdl_input(&net->base, 0), s_input, sizeof(s_input));
    CHECK(net_run(net) == ESPDL_OK);
    CHECK(memcmp(espdl_output(&net->base, 0), s_output, sizeof(s_output)) == 0);
}

static int s_runs;

/* In a thread: an instance of its own, and the worker that all share, or one of the application. */
static void *run_many(void *argument)
{
    net_t net = *(net_t *)argument;
    for (int i = 0; i < s_runs; i++) {
        run(&net);
    }
    return NULL;
}

static void run_together(espdl_worker_t *worker)
{
    net_t nets[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        init(&nets[i], i, worker);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, run_many, &nets[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static int s_calls, s_last;

static bool end_at_last(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    (void)user;
    CHECK(layer->index < NET_LAYER_COUNT && (phase == ESPDL_LAYER_BEGIN || phase == ESPDL_LAYER_END));
    return s_calls++ != s_last;
}

/* The hook is called twice for each layer, and a run that it ends leaves nothing behind. */
static void cancel(void)
{
    net_t net;
    init(&net, 0, NULL);
    CHECK(espdl_set_hook(&net.base, end_at_last, NULL) == ESPDL_OK);
    for (int i = 0; i < s_runs; i++) {
        s_calls = 0;
        s_last = i % (2 * NET_LAYER_COUNT + 1);
        CHECK(net_run(&net) == (s_last < 2 * NET_LAYER_COUNT ? ESPDL_CANCELLED : ESPDL_OK));
        CHECK(s_calls == (s_last < 2 * NET_LAYER_COUNT ? s_last + 1 : 2 * NET_LAYER_COUNT));
        s_calls = 0;
        s_last = -1;
        run(&net);
    }
}

static int threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL) {
        return 0;
    }
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void cycle(void)
{
    static ESPDL_ALIGNED uint8_t s_stack[ESPDL_WORKER_STACK];
    static espdl_worker_t worker;
    const int before = threads();
    for (int i = 0; i < s_runs; i++) {
        net_t net;
        const bool is_own = i % 3 == 0;
        const espdl_worker_config_t config = {is_own ? s_stack : NULL, is_own ? sizeof(s_stack) : 0, 0, 1 + (uint32_t)i % 50};
        CHECK(espdl_worker_start(&worker, &config) == ESPDL_OK);
        init(&net, 0, &worker);
        if (i % 2 == 0) {
            run(&net);
        }
        espdl_worker_stop(&worker);
        run(&net); /* alone */
        espdl_worker_stop(&worker);
    }
    CHECK(espdl_worker_start(NULL, NULL) == ESPDL_NULL_ARGUMENT);
    espdl_worker_stop(NULL);
    net_t net;
    init(&net, 0, NULL);
    run(&net);
    espdl_worker_stop(espdl_shared_worker());
    run(&net);
    init(&net, 0, NULL); /* starts it again */
    run(&net);
    espdl_worker_stop(espdl_shared_worker());
    CHECK(threads() == before);
}

static void profile(void)
{
    static espdl_profile_layer_t layers[NET_LAYER_COUNT];
    static espdl_profile_t measured;
    net_t net;
    init(&net, 0, NULL);
    CHECK(espdl_profile_attach(&measured, layers, NET_LAYER_COUNT, &net.base) == ESPDL_OK);
    for (int i = 0; i < s_runs; i++) {
        run(&net);
    }
    espdl_profile_print(&measured);
    const espdl_worker_t *worker = espdl_shared_worker();
    CHECK(worker->runs == (uint32_t)s_runs && worker->works > 0 && worker->works < worker->run_ticks);
    CHECK(worker->run_waits < worker->run_ticks);
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    s_runs = atoi(arguments[2]);
    net_t net;
    if (strcmp(arguments[1], "runs") == 0) {
        init(&net, 0, NULL);
        run_many(&net);
    } else if (strcmp(arguments[1], "together") == 0) {
        run_together(NULL);
    } else if (strcmp(arguments[1], "cancel") == 0) {
        cancel();
    } else if (strcmp(arguments[1], "cycles") == 0) {
        cycle();
    } else {
        profile();
    }
    return 0;
}
