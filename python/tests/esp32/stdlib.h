/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* For a compiler without C library; runner_xtensa.c has the functions. */
#pragma once

#include <stddef.h>

void *malloc(size_t bytes);
void free(void *block);
void abort(void);
