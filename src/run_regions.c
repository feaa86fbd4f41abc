/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* What a model without regions, whose inputs are all in the arena, does not link. */
#include "espdl_stripes.h"

#include "hook.h"
#include "inputs.h"

/* What is not set again before the next run is missed there. */
static espdl_status_t take_inputs(const espdl_t *self)
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

espdl_status_t espdl_run_regions(const espdl_t *self)
{
    const espdl_model_t *model = self->model;
    size_t layer = 0;
    espdl_status_t status = take_inputs(self);
    for (size_t i = 0; i < model->region_count && status == ESPDL_OK; i++) {
        const espdl_region_t *region = &model->regions[i];
        status = espdl_run_layers(self, layer, region->first);
        if (status == ESPDL_OK) {
            status = region->run(self, region);
        }
        layer = region->stop;
    }
    return status == ESPDL_OK ? espdl_run_layers(self, layer, model->layer_count) : status;
}
