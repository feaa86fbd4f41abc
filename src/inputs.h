/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* Inputs that the application has in memory of its own. */
#pragma once

#include "espdl.h"

/*
 * In the arena at the offset of such an input. `check` is the address, xored with that of the model, from
 * espdl_set_input() to the begin of the next run: what another model left in the arena does not look like it.
 */
typedef struct {
    const uint8_t *data;
    uintptr_t check;
} espdl_input_place_t;

static inline bool espdl_is_at_caller(const espdl_tensor_t *input)
{
    return input->alignment != 0;
}

static inline espdl_input_place_t *espdl_input_place(const espdl_t *self, const espdl_tensor_t *input)
{
    return (espdl_input_place_t *)(void *)(self->arena + input->offset);
}

/* Where an input is: of one at the caller what was set last, from then on to the end of the run. NULL: nowhere as a
 * whole. */
static inline const uint8_t *espdl_input_data(const espdl_t *self, const espdl_tensor_t *input)
{
    if (input->by_rows == 1 || input->by_rows == 2) { /* a state (3) is in the arena */
        return NULL;
    }
    return espdl_is_at_caller(input) ? espdl_input_place(self, input)->data : self->arena + input->offset;
}
