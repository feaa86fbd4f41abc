/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl.h"

#include <string.h>

#include "hook.h"
#include "inputs.h"

static bool is_model(const espdl_model_t *model)
{
    return model != NULL && model->magic == ESPDL_MODEL_MAGIC && model->abi_version == ESPDL_ABI_VERSION;
}

static bool is_aligned(const void *pointer)
{
    return (uintptr_t)pointer % ESPDL_ALIGNMENT == 0;
}

static espdl_status_t choose_arena(espdl_t *self, const espdl_model_t *model, const espdl_config_t *config)
{
    if (config->arena == NULL) {
        self->arena = model->arena;
        return self->arena != NULL ? ESPDL_OK : ESPDL_NULL_ARGUMENT;
    }
    if (!is_aligned(config->arena)) {
        return ESPDL_ARENA_MISALIGNED;
    }
    if (config->arena_size < model->arena_bytes) {
        return ESPDL_ARENA_TOO_SMALL;
    }
    self->arena = config->arena;
    return ESPDL_OK;
}

static const uint8_t *linked_weights(const espdl_model_t *model)
{
    if (model->weights_copy == NULL) {
        return model->weights;
    }
    /* Compared first, so that a later instance does not write under the hands of one that runs. */
    if (memcmp(model->weights_copy, model->weights, model->weights_bytes) != 0) {
        memcpy(model->weights_copy, model->weights, model->weights_bytes);
    }
    return model->weights_copy;
}

espdl_status_t espdl_init(espdl_t *self, const espdl_model_t *model, const espdl_config_t *config)
{
    static const espdl_config_t s_defaults = {0};

    if (self == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    memset(self, 0, sizeof(*self));
    if (model == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (!is_model(model)) {
        return ESPDL_BAD_MODEL;
    }
    if (config == NULL) {
        config = &s_defaults;
    }
    if (!is_aligned(config->weights)) {
        return ESPDL_WEIGHTS_MISALIGNED;
    }
    espdl_status_t status = choose_arena(self, model, config);
    if (status != ESPDL_OK) {
        return status;
    }
    self->weights = config->weights != NULL ? config->weights : linked_weights(model);
    if (model->prepare != NULL) {
        model->prepare(self->arena, self->weights);
    }
    if (model->cores != NULL && (status = model->cores->init(self, config)) != ESPDL_OK) {
        return status;
    }
    self->on_layer = config->on_layer;
    self->user = config->user;
    self->on_rows = config->on_rows;
    self->rows_user = config->rows_user;
    self->model = model; /* last: an instance with a model is a ready one */
    return ESPDL_OK;
}

espdl_status_t espdl_set_hook(espdl_t *self, espdl_on_layer_t on_layer, void *user)
{
    if (self == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (self->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    self->on_layer = on_layer;
    self->user = user;
    return ESPDL_OK;
}

/* A model without its table of layers still tells the hook which one it is, which is all that yield and cancel need. */
const espdl_layer_t *espdl_layer_of(const espdl_model_t *model, size_t index, espdl_layer_t *nameless)
{
    if (model->layers != NULL) {
        return &model->layers[index];
    }
    *nameless = (espdl_layer_t){.name = "", .op = "", .backend = "", .index = (uint16_t)index};
    return nameless;
}

/* Calls the layer hook, which there must be; false: it wants the run to end. Apart, so that its description of a layer
 * is not on the stack of a run without a hook. */
__attribute__((noinline)) static bool call_hook(const espdl_t *self, size_t index, espdl_phase_t phase)
{
    espdl_layer_t nameless;
    return self->on_layer(self->user, espdl_layer_of(self->model, index, &nameless), phase);
}

espdl_status_t espdl_run_layers(const espdl_t *self, size_t first, size_t stop)
{
    const bool hooked = self->on_layer != NULL; /* one register, so that an absent hook costs two branches */
    for (size_t i = first; i < stop; i++) {
        if (hooked && !call_hook(self, i, ESPDL_LAYER_BEGIN)) {
            return ESPDL_CANCELLED;
        }
        self->model->steps[i](self->arena, self->weights);
        if (hooked && !call_hook(self, i, ESPDL_LAYER_END)) {
            return ESPDL_CANCELLED;
        }
    }
    return ESPDL_OK;
}

espdl_status_t espdl_run(espdl_t *self)
{
    if (self == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    const espdl_model_t *model = self->model;
    if (model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    return model->run != NULL ? model->run(self) : espdl_run_layers(self, 0, model->layer_count);
}

const espdl_tensor_t *espdl_input_info(const espdl_model_t *model, size_t index)
{
    return is_model(model) && index < model->input_count ? &model->inputs[index] : NULL;
}

const espdl_tensor_t *espdl_output_info(const espdl_model_t *model, size_t index)
{
    return is_model(model) && index < model->output_count ? &model->outputs[index] : NULL;
}

void *espdl_input(const espdl_t *self, size_t index)
{
    const espdl_tensor_t *info = self != NULL ? espdl_input_info(self->model, index) : NULL;
    return info != NULL && !espdl_is_at_caller(info) && !info->by_rows ? self->arena + info->offset : NULL;
}

espdl_status_t espdl_set_input(espdl_t *self, size_t index, const void *data)
{
    if (self == NULL || data == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (self->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    const espdl_tensor_t *info = espdl_input_info(self->model, index);
    if (info == NULL || !espdl_is_at_caller(info)) {
        return ESPDL_NO_INPUT;
    }
    if ((uintptr_t)data % info->alignment != 0) {
        return ESPDL_INPUT_MISALIGNED;
    }
    *espdl_input_place(self, info) = (espdl_input_place_t){data, (uintptr_t)data ^ (uintptr_t)self->model};
    return ESPDL_OK;
}

const void *espdl_output(const espdl_t *self, size_t index)
{
    const espdl_tensor_t *info = self != NULL ? espdl_output_info(self->model, index) : NULL;
    return info != NULL ? self->arena + info->offset : NULL;
}

const char *espdl_status_name(espdl_status_t status)
{
    static const char *const s_names[] = {
        [ESPDL_OK] = "ESPDL_OK",
        [ESPDL_NULL_ARGUMENT] = "ESPDL_NULL_ARGUMENT",
        [ESPDL_BAD_MODEL] = "ESPDL_BAD_MODEL",
        [ESPDL_ARENA_TOO_SMALL] = "ESPDL_ARENA_TOO_SMALL",
        [ESPDL_ARENA_MISALIGNED] = "ESPDL_ARENA_MISALIGNED",
        [ESPDL_WEIGHTS_MISALIGNED] = "ESPDL_WEIGHTS_MISALIGNED",
        [ESPDL_NO_LAYERS] = "ESPDL_NO_LAYERS",
        [ESPDL_NOT_INITIALIZED] = "ESPDL_NOT_INITIALIZED",
        [ESPDL_CANCELLED] = "ESPDL_CANCELLED",
        [ESPDL_BUFFER_TOO_SMALL] = "ESPDL_BUFFER_TOO_SMALL",
        [ESPDL_DIFFERENT] = "ESPDL_DIFFERENT",
        [ESPDL_NO_INPUT] = "ESPDL_NO_INPUT",
        [ESPDL_INPUT_MISALIGNED] = "ESPDL_INPUT_MISALIGNED",
        [ESPDL_INPUT_FAILED] = "ESPDL_INPUT_FAILED",
        [ESPDL_BAD_PUSH] = "ESPDL_BAD_PUSH",
        [ESPDL_FILLING] = "ESPDL_FILLING",
        [ESPDL_BAD_IMAGE] = "ESPDL_BAD_IMAGE",
        [ESPDL_NO_WORKER] = "ESPDL_NO_WORKER",
    };
    return (size_t)status < sizeof(s_names) / sizeof(s_names[0]) ? s_names[status] : "ESPDL_UNKNOWN";
}
