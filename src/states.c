/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl_states.h"

#include <string.h>

#include "hook.h"

void espdl_clear_states(uint8_t *arena, const struct espdl_states *states)
{
    for (size_t i = 0; i < states->count; i++) {
        memset(arena + states->states[i].input, states->states[i].zero, states->states[i].bytes);
    }
}

espdl_status_t espdl_run_states(const espdl_t *self)
{
    const struct espdl_states *states = self->model->states;
    const espdl_status_t status =
        states->run != NULL ? states->run(self) : espdl_run_layers(self, 0, self->model->layer_count);
    if (status != ESPDL_OK) {
        espdl_clear_states(self->arena, states); /* some may be those of this run already */
        return status;
    }
    for (size_t i = 0; i < states->count; i++) {
        const espdl_state_t *state = &states->states[i];
        if (state->input != state->output) {
            memcpy(self->arena + state->input, self->arena + state->output, state->bytes);
        }
    }
    return ESPDL_OK;
}
