/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* What a model without regions, whose inputs are all in the arena, does not link. */
#include "espdl_stripes.h"

#include "hook.h"
#include "take_inputs.h"

espdl_status_t espdl_run_regions(const espdl_t *self)
{
    const espdl_model_t *model = self->model;
    size_t layer = 0;
    espdl_status_t status = espdl_take_inputs(self);
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
