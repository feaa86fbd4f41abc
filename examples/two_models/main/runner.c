/*
 * SPDX-License-Identifier: CC0-1.0
 */
#include "runner.h"

#include <stdlib.h>

espdl_status_t runner_open(runner_t *self, const espdl_model_t *model)
{
    size_t size = (model->arena_bytes + ESPDL_ALIGNMENT - 1) / ESPDL_ALIGNMENT * ESPDL_ALIGNMENT;
    self->arena = aligned_alloc(ESPDL_ALIGNMENT, size);
    if (self->arena == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    return espdl_init(&self->instance, model, &(espdl_config_t){.arena = self->arena, .arena_size = size});
}

void runner_close(runner_t *self)
{
    free(self->arena);
    self->arena = NULL;
}

size_t runner_count(const espdl_tensor_t *tensor)
{
    size_t count = 1;
    for (uint8_t d = 0; d < tensor->rank; d++) {
        count *= (size_t)tensor->shape[d];
    }
    return count;
}

void runner_write(runner_t *self, size_t input, const float *values)
{
    const espdl_tensor_t *tensor = espdl_input_info(self->instance.model, input);
    void *data = espdl_input(&self->instance, input);
    for (size_t i = 0; i < runner_count(tensor); i++) {
        if (tensor->dtype == ESPDL_FLOAT32) {
            ((float *)data)[i] = values[i];
        } else if (tensor->dtype == ESPDL_INT8) {
            ((int8_t *)data)[i] = (int8_t)espdl_quantize(values[i], tensor->scale, tensor->zero_point, INT8_MIN, INT8_MAX);
        }
    }
}

void runner_read(const runner_t *self, size_t output, float *values)
{
    const espdl_tensor_t *tensor = espdl_output_info(self->instance.model, output);
    const void *data = espdl_output(&self->instance, output);
    for (size_t i = 0; i < runner_count(tensor); i++) {
        if (tensor->dtype == ESPDL_FLOAT32) {
            values[i] = ((const float *)data)[i];
        } else if (tensor->dtype == ESPDL_INT8) {
            values[i] = espdl_dequantize(((const int8_t *)data)[i], tensor->scale, tensor->zero_point);
        }
    }
}
