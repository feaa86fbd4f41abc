/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What every layer of a model computes, as lines on the console (CONFIG_ESPDL_TAPS).
 *
 *     static espdl_taps_t taps;
 *     espdl_taps_attach(&taps, &net.base, NULL);
 *     ... net_run(&net) ...
 *
 * Save the console's output to a file; on the computer, `espdl debug` compares it with the exact reference and names the
 * first layer that differs. The lines are recognised between whatever else is printed, and a damaged line is noticed.
 *
 * Without CONFIG_ESPDL_TAPS nothing is called, and no argument evaluated, as in espdl_profile.h.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What to print in full, beside a hash of everything. A line holds 32 bytes. All zero: hashes only. */
typedef struct {
    const uint16_t *dump; /**< indexes of the layers whose outputs are printed in full; must outlive the taps */
    size_t dump_count;    /**< how many there are at `dump` */
    bool dump_inputs;     /**< print the inputs: then `espdl debug` needs no file with them */
} espdl_taps_config_t;

/** Taps of one instance. Its fields are private. */
typedef struct {
    const espdl_t *instance;
    espdl_taps_config_t config;
    espdl_on_layer_t next;
    void *next_user;
    uint32_t line;
    uint32_t run;
    uint32_t ended;
} espdl_taps_t;

/**
 * Print what every run of an instance computes, from now on. A hook that is there already is called as before.
 *
 * @param self      filled; must live, like the instance, as long as the instance is used
 * @param instance  an initialised instance, `&net.base`
 * @param config    copied; NULL: hashes only
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED, ESPDL_NO_LAYERS
 */
espdl_status_t espdl_taps_attach(espdl_taps_t *self, espdl_t *instance, const espdl_taps_config_t *config);

#if !defined(CONFIG_ESPDL_TAPS)

static inline espdl_status_t espdl_taps_off(size_t unused)
{
    (void)unused;
    return ESPDL_OK;
}

/* The compiler checks the arguments as those of the function, and evaluates none. */
#define espdl_taps_attach(...) espdl_taps_off(sizeof(espdl_taps_attach(__VA_ARGS__)))

#endif

#ifdef __cplusplus
}
#endif
