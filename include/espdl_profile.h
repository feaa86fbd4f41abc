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
 * Without CONFIG_ESPDL_PROFILE these functions are empty and inline: compiled with any optimisation, they and the memory
 * given to them disappear from the program.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What one layer took over all runs. */
typedef struct {
    uint64_t sum;
    uint32_t least;
    uint32_t most;
} espdl_profile_layer_t;

/** A profile. Its fields are private. */
typedef struct {
    const espdl_model_t *model;
    espdl_profile_layer_t *layers;
    espdl_on_layer_t next;
    void *next_user;
    uint32_t runs;
    uint32_t start;
} espdl_profile_t;

#if defined(CONFIG_ESPDL_PROFILE)

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

/** Print one line for each layer: mean, least and most of all complete runs, and the layer's share. */
void espdl_profile_print(const espdl_profile_t *self);

#else

static inline espdl_status_t espdl_profile_attach(espdl_profile_t *self, espdl_profile_layer_t *layers,
                                                  size_t layer_count, espdl_t *instance)
{
    (void)self;
    (void)layers;
    (void)layer_count;
    (void)instance;
    return ESPDL_OK;
}

static inline void espdl_profile_print(const espdl_profile_t *self)
{
    (void)self;
}

#endif

#ifdef __cplusplus
}
#endif
