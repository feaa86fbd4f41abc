/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Runs any model on real numbers, whatever the types of its inputs and outputs. */
#pragma once

#include <stddef.h>

#include "espdl.h"

typedef struct {
    espdl_t instance;
    void *arena;
} runner_t;

/** Takes an arena from the heap; ESPDL_NULL_ARGUMENT where there is no memory. */
espdl_status_t runner_open(runner_t *self, const espdl_model_t *model);

/** Gives the arena back. */
void runner_close(runner_t *self);

/** How many values a tensor has. */
size_t runner_count(const espdl_tensor_t *tensor);

/** Writes the values of an input, as many as it has; before every run, because a run destroys the inputs. */
void runner_write(runner_t *self, size_t input, const float *values);

/** Reads the values of an output after a run. */
void runner_read(const runner_t *self, size_t output, float *values);
