/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* espdl/plan/streams.py knows what this file does: what changes here changes there. */
#include "espdl_stream.h"

#include "hook.h"
#include "reach.h"

typedef struct espdl_stream stream_t;

typedef struct {
    const espdl_t *self;
    const stream_t *stream;
    int32_t pushes; /* this one included */
} work_t;

static espdl_stream_state_t *state_of(uint8_t *arena, const stream_t *stream)
{
    return (espdl_stream_state_t *)(arena + stream->state);
}

/* What layers keep begins anew. */
static void forget(uint8_t *arena, const stream_t *stream)
{
    for (size_t i = 0; i < stream->state_count; i++) {
        *(uint32_t *)(arena + stream->states[i]) = 0;
    }
}

/* Rows of the endless stream after so many pushes. */
static int32_t end_after(const espdl_stream_rows_t *tensor, int32_t pushes)
{
    const int32_t end = pushes * tensor->step + tensor->behind;
    return pushes == 0 || end < 0 ? 0 : end;
}

/* One more than the last row that is in memory when this push is computed. */
static int32_t end_of(const work_t *work, const espdl_stream_rows_t *tensor)
{
    return work->stream->is_endless ? end_after(tensor, work->pushes) : tensor->rows;
}

static uint8_t *row_of(const work_t *work, const espdl_stream_rows_t *tensor, int32_t row)
{
    const int32_t from_first = tensor->keeps - (end_of(work, tensor) - row);
    return work->self->arena + tensor->place + from_first * (int32_t)tensor->row;
}

/* Makes room for `rows` new rows behind the others. */
static void shift_rows(const work_t *work, const espdl_stream_rows_t *tensor, int32_t rows)
{
    if (tensor->persists && rows > 0 && rows < tensor->keeps) {
        uint8_t *first = work->self->arena + tensor->place;
        espdl_copy_words(first, first + (uint32_t)rows * tensor->row, (uint32_t)(tensor->keeps - rows) * tensor->row);
    }
}

static void compute(const work_t *work, const espdl_stream_layer_t *layer, int32_t start, int32_t rows)
{
    const espdl_stream_rows_t *tensors = work->stream->tensors;
    espdl_stripe_t stripe = {.rows = rows, .start = start};
    for (size_t i = 0; i < layer->input_count; i++) {
        const espdl_reach_t *reach = &layer->inputs[i];
        const espdl_stream_rows_t *tensor = &tensors[reach->tensor];
        const int32_t begin = espdl_reach_begin(reach, start);
        stripe.inputs[i] = row_of(work, tensor, begin);
        if (i == 0) {
            stripe.input_start = begin;
            stripe.input_rows = espdl_reach_end(reach, start + rows - 1, end_of(work, tensor)) - begin;
            stripe.above = begin * reach->divisor - reach->step * start - reach->first;
        }
    }
    if (layer->staged != ESPDL_NOT_STAGED) {
        uint8_t *staged = work->self->arena + layer->staged;
        espdl_copy_words(staged, stripe.inputs[0], (uint32_t)stripe.input_rows * tensors[layer->inputs[0].tensor].row);
        stripe.inputs[0] = staged;
    }
    stripe.output = row_of(work, &tensors[layer->output], start);
    layer->step(work->self->arena, work->self->weights, &stripe);
}

/* Calls the layer hook, if there is one; false: it wants the run to end. */
static bool call_hook(const work_t *work, size_t index, int32_t start, int32_t rows, espdl_phase_t phase)
{
    const espdl_t *self = work->self;
    if (self->on_layer == NULL) {
        return true;
    }
    const espdl_stream_rows_t *tensor = &work->stream->tensors[work->stream->layers[index].output];
    const uint32_t bytes = (uint32_t)rows * tensor->row;
    const espdl_span_t span = {(uint32_t)(row_of(work, tensor, start) - self->arena), bytes, bytes, bytes};
    const int32_t last = tensor->rows - end_of(work, tensor); /* as rows of the window that ends now */
    espdl_layer_t nameless;
    espdl_layer_t layer = *espdl_layer_of(self->model, work->stream->first + index, &nameless);
    layer.row = (uint16_t)(start + last);
    layer.end_row = (uint16_t)(start + last + rows);
    layer.rows = (uint16_t)tensor->rows;
    if (self->model->layers != NULL) {
        layer.outputs = &span;
        layer.output_count = 1;
    }
    return self->on_layer(self->user, &layer, phase);
}

/* False: the layer hook wants the run to end. */
static bool run_rows(const work_t *work, size_t index, int32_t start, int32_t stop)
{
    if (start >= stop) {
        return true;
    }
    if (!call_hook(work, index, start, stop - start, ESPDL_LAYER_BEGIN)) {
        return false;
    }
    compute(work, &work->stream->layers[index], start, stop - start);
    return call_hook(work, index, start, stop - start, ESPDL_LAYER_END);
}

static bool run_layer(const work_t *work, size_t index)
{
    const espdl_stream_layer_t *layer = &work->stream->layers[index];
    const espdl_stream_rows_t *output = &work->stream->tensors[layer->output];
    if (work->stream->is_endless) {
        const int32_t start = end_after(output, work->pushes - 1), stop = end_after(output, work->pushes);
        shift_rows(work, output, stop - start);
        return run_rows(work, index, start, stop);
    }
    shift_rows(work, output, output->step);
    return run_rows(work, index, layer->top, layer->top_stop) && run_rows(work, index, layer->tail, output->rows);
}

/* What a cancelled run leaves behind is a stream that begins anew. */
static espdl_status_t run_new_rows(const espdl_t *self)
{
    const stream_t *stream = self->model->stream;
    espdl_stream_state_t *state = state_of(self->arena, stream);
    const uint32_t pushes = state->pushes;
    const work_t work = {self, stream, (int32_t)pushes};
    for (size_t i = 0; i < stream->count; i++) {
        if (!run_layer(&work, i)) {
            espdl_stream_reset(self->arena, stream);
            return ESPDL_CANCELLED;
        }
    }
    state->is_waiting = 0;
    return pushes >= stream->fills ? ESPDL_OK : ESPDL_FILLING;
}

espdl_status_t espdl_run_stream(const espdl_t *self)
{
    const espdl_model_t *model = self->model;
    const stream_t *stream = model->stream;
    if (!state_of(self->arena, stream)->is_waiting) {
        return ESPDL_NO_INPUT;
    }
    espdl_status_t status = espdl_run_layers(self, 0, stream->first);
    if (status == ESPDL_OK) {
        status = run_new_rows(self);
    }
    if (status == ESPDL_OK) {
        status = espdl_run_layers(self, stream->first + stream->count, model->layer_count);
        if (status != ESPDL_OK) {
            forget(self->arena, stream); /* a sum that missed rows is none any more */
        }
    }
    return status;
}

void espdl_stream_reset(uint8_t *arena, const stream_t *stream)
{
    forget(arena, stream);
    *state_of(arena, stream) = (espdl_stream_state_t){0, 0};
}

espdl_status_t espdl_push(espdl_t *self, size_t index, const void *rows, size_t count)
{
    if (self == NULL || rows == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (self->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    const stream_t *stream = self->model->stream;
    if (stream == NULL || index != stream->input) {
        return ESPDL_NO_INPUT;
    }
    espdl_stream_state_t *state = state_of(self->arena, stream);
    if (count != stream->hop || state->is_waiting) {
        return ESPDL_BAD_PUSH;
    }
    const espdl_stream_rows_t *tensor = &stream->tensors[0];
    const work_t work = {self, stream, 0};
    shift_rows(&work, tensor, tensor->step);
    uint8_t *end = self->arena + tensor->place + (uint32_t)tensor->keeps * tensor->row;
    const size_t bytes = count * tensor->row;
    espdl_copy_words(end - bytes, rows, bytes);
    state->pushes += state->pushes < stream->settles;
    state->is_waiting = 1;
    return ESPDL_OK;
}
