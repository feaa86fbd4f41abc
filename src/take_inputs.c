/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "take_inputs.h"

#include "inputs.h"

espdl_status_t espdl_take_inputs(const espdl_t *self)
{
    espdl_status_t status = ESPDL_OK;
    for (size_t i = 0; i < self->model->input_count; i++) {
        const espdl_tensor_t *input = &self->model->inputs[i];
        if (espdl_is_at_caller(input)) {
            espdl_input_place_t *place = espdl_input_place(self, input);
            const uintptr_t check = (uintptr_t)place->data ^ (uintptr_t)self->model;
            status = place->check == check ? status : ESPDL_NO_INPUT;
            place->check = ~check;
        } else if (input->by_rows && self->on_rows == NULL) {
            status = ESPDL_NO_INPUT;
        }
    }
    return status;
}
