/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What every layer of a model costs, measured where it runs (CONFIG_ESPDL_PROFILE).
 *
 *     static espdl_profile_layer_t layers[NET_LAYER_COUNT];
 *     static espdl_profile_t profile;
 *     espdl_profile_attach(&profile, layers, NET_LAYER_COUNT, &net.base);
 *     ... net_run(&net), as often as you like ...
 *     espdl_profile_print(&profile);
 *
 * The unit is cycles on ESP chips, retired instructions on a bare RISC-V machine, and nanoseconds elsewhere. Interrupts and
 * other tasks that run in between count too: pin the task to a core, and trust the least of several runs.
 *
 * Without CONFIG_ESPDL_PROFILE nothing is called, and no argument evaluated: compiled with any optimisation, the calls and
 * the memory for them disappear from the program.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What one layer took in each run; in stripes, all its parts together. */
typedef struct {
    uint64_t sum;
    uint32_t count; /**< runs */
    uint32_t least;
    uint32_t most;
    uint32_t parts; /**< of a run: 1, or how many stripes computed rows of it */
    uint32_t run_spent, run_parts; /**< of the run that is going on */
} espdl_profile_layer_t;

/** A profile. Its fields are private. */
typedef struct {
    const espdl_model_t *model;
    espdl_profile_layer_t *layers;
    espdl_on_layer_t next;
    void *next_user;
    uint32_t start;
    const struct espdl_worker *worker;
} espdl_profile_t;

/**
 * Measure every run of an instance from now on. A hook that is there already is called as before, and not measured.
 *
 * @param self         filled; must live as long as the instance is used, like `layers`
 * @param layers       `layer_count` entries, cleared here
 * @param layer_count  at least <NAME>_LAYER_COUNT
 * @param instance     an initialised instance, `&net.base`
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED, ESPDL_BUFFER_TOO_SMALL
 */
espdl_status_t espdl_profile_attach(espdl_profile_t *self, espdl_profile_layer_t *layers, size_t layer_count,
                                    espdl_t *instance);

/**
 * Print one line for each layer: mean, least and most of a run, and its share; in stripes, its parts too. Of two cores, also how
 * long each computed and how long it waited for the other, in all runs that had the worker. A layer beside another one that
 * the other core computes at the same time is in that one's time.
 */
void espdl_profile_print(const espdl_profile_t *self);

#if !defined(CONFIG_ESPDL_PROFILE)

static inline espdl_status_t espdl_profile_off(size_t unused)
{
    (void)unused;
    return ESPDL_OK;
}

/* The compiler checks the arguments as those of the functions, and evaluates none. */
#define espdl_profile_attach(...) espdl_profile_off(sizeof(espdl_profile_attach(__VA_ARGS__)))
#define espdl_profile_print(...) ((void)espdl_profile_off(sizeof((espdl_profile_print(__VA_ARGS__), 0))))

#endif

#ifdef __cplusplus
}
#endif
