/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* For those that run models whose inputs may be elsewhere than in the arena. */
#pragma once

#include "espdl.h"

/* At the begin of a run: ESPDL_NO_INPUT where an input was not given. What is not set again before the next run is
 * missed there. */
espdl_status_t espdl_take_inputs(const espdl_t *self);
