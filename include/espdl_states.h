/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * States: outputs of a run that are inputs of the next one (STATE). For generated code.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One state: an input, which lives on between runs, and the output that it becomes. Places are offsets in the arena. */
typedef struct {
    uint32_t input, output; /**< the same where the output is written over the input */
    uint32_t bytes;
    uint8_t zero;           /**< a byte of the quantised zero */
} espdl_state_t;

/** The states of a model. */
struct espdl_states {
    const espdl_state_t *states;
    size_t count;
    espdl_run_model_t run; /**< runs the layers, or NULL: one after the other */
};

/** Every state is zero. Called by init. */
void espdl_clear_states(uint8_t *arena, const struct espdl_states *states);

/** Run the layers; the outputs are the states of the next run. A run that does not end leaves zeros. */
espdl_status_t espdl_run_states(const espdl_t *self);

#ifdef __cplusplus
}
#endif
