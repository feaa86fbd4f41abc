/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* ESP-DL relies on the headers of C that this one includes. */
#pragma once

#include <assert.h>
#include <limits.h>
