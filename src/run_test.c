/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl.h"

#include <string.h>

#include "inputs.h"

static size_t bytes_of(uint8_t dtype)
{
    switch (dtype) {
    case ESPDL_INT16:
    case ESPDL_UINT16:
        return 2;
    case ESPDL_INT32:
    case ESPDL_UINT32:
    case ESPDL_FLOAT32:
        return 4;
    case ESPDL_INT64:
    case ESPDL_FLOAT64:
        return 8;
    default:
        return 1;
    }
}

/* The stored integer; the lower half of the types of 8 bytes (every chip is little endian). */
static int32_t value_at(const uint8_t *data, uint8_t dtype)
{
    int32_t word = 0;
    const size_t bytes = bytes_of(dtype);
    memcpy(&word, data, bytes < sizeof(word) ? bytes : sizeof(word));
    if (dtype == ESPDL_INT8) {
        return (int8_t)word;
    }
    return dtype == ESPDL_INT16 ? (int16_t)word : word;
}

static espdl_status_t compare(const espdl_t *self, size_t output, const uint8_t *expected, espdl_difference_t *first)
{
    const espdl_tensor_t *info = &self->model->outputs[output];
    const uint8_t *got = espdl_output(self, output);
    const size_t bytes = bytes_of(info->dtype);
    for (size_t i = 0; i < info->bytes; i += bytes) {
        if (memcmp(got + i, expected + i, bytes) != 0) {
            if (first != NULL) {
                first->output = output;
                first->element = i / bytes;
                first->expected = value_at(expected + i, info->dtype);
                first->got = value_at(got + i, info->dtype);
            }
            return ESPDL_DIFFERENT;
        }
    }
    return ESPDL_OK;
}

typedef struct {
    const espdl_model_t *model;
    const void *const *inputs;
} source_t;

static bool give_rows(void *user, size_t input, size_t first, size_t count, void *rows)
{
    const source_t *source = user;
    const espdl_tensor_t *info = &source->model->inputs[input];
    const size_t row = info->bytes / (size_t)info->shape[1];
    memcpy(rows, (const uint8_t *)source->inputs[input] + first * row, count * row);
    return true;
}

espdl_status_t espdl_run_test(espdl_t *self, const void *const *inputs, const void *const *outputs,
                              espdl_difference_t *first)
{
    if (self == NULL || inputs == NULL || outputs == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (self->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    source_t source = {self->model, inputs};
    espdl_t instance = *self;
    instance.on_rows = give_rows;
    instance.rows_user = &source;
    espdl_status_t status = ESPDL_OK;
    for (size_t i = 0; status == ESPDL_OK && i < self->model->input_count; i++) {
        if (espdl_is_at_caller(&self->model->inputs[i])) {
            status = espdl_set_input(self, i, inputs[i]);
        } else if (!self->model->inputs[i].by_rows) {
            memcpy(espdl_input(self, i), inputs[i], self->model->inputs[i].bytes);
        }
    }
    status = status == ESPDL_OK ? espdl_run(&instance) : status;
    for (size_t i = 0; status == ESPDL_OK && i < self->model->output_count; i++) {
        status = compare(self, i, outputs[i], first);
    }
    return status;
}
