/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include "espdl.h"

/** Runs the model of this component on its test vectors; ESPDL_OK if all outputs are as expected. */
espdl_status_t second_component_check(void);
