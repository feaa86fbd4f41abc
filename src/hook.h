/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* For those that run layers. */
#pragma once

#include "espdl.h"

/* Calls the layer hook, which there must be; false: it wants the run to end. */
bool espdl_call_hook(const espdl_t *self, size_t index, espdl_phase_t phase);
