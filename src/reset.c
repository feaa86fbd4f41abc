/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl.h"

espdl_status_t espdl_reset(espdl_t *self)
{
    if (self == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (self->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    if (self->model->reset != NULL) {
        self->model->reset(self->arena);
    }
    return ESPDL_OK;
}
