/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* For those that run layers. */
#pragma once

#include "espdl.h"

/* What the layer hook sees of a layer. */
espdl_layer_t espdl_layer_of(const espdl_model_t *model, size_t index);
