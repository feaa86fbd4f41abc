/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef void (*espdl_test_function_t)(void);

/* Generated: the kernels by index. */
extern const espdl_test_function_t espdl_test_functions[];
extern const uint32_t espdl_test_function_count;

/* The platform's streams (runner_host.c). Reading is all or nothing; false at the end of the stream. */
int espdl_test_read(void *to, size_t bytes);
void espdl_test_write(const void *from, size_t bytes);
void espdl_test_flush(void);
