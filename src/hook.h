/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* For those that run layers. */
#pragma once

#include "espdl.h"

/* What the layer hook sees of a layer: its description, or `nameless`, filled in, where the model has none. */
const espdl_layer_t *espdl_layer_of(const espdl_model_t *model, size_t index, espdl_layer_t *nameless);

/* Runs layers `first` .. `stop` - 1, none of which is in a region. ESPDL_OK or ESPDL_CANCELLED. */
espdl_status_t espdl_run_layers(const espdl_t *self, size_t first, size_t stop);
