/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* espdl/plan/stripes.py simulates this file step by step: what changes here changes there. */
#include "espdl_stripes.h"

#include "hook.h"
#include "reach.h"

/* Of one tensor: rows that were written, the first of them in this stripe, the first that is still needed, and the
 * first that the calls of this stripe leave needed. */
typedef struct {
    uint16_t done, fresh, base, need;
} progress_t;

typedef struct {
    const espdl_t *self;
    const espdl_region_t *region;
    progress_t *progress;
} work_t;

/* The C library's may take 6 instructions a byte. */
void espdl_copy_words(void *to, const void *from, size_t bytes)
{
    if (((uintptr_t)to | (uintptr_t)from | bytes) % 4 != 0) {
        uint8_t *t = to;
        for (const uint8_t *f = from, *const end = f + bytes; f != end;) {
            *t++ = *f++;
        }
        return;
    }
    uint32_t *t = to;
    const uint32_t *f = from;
    for (; bytes >= 16; bytes -= 16, t += 4, f += 4) {
        const uint32_t a = f[0], b = f[1], c = f[2], d = f[3];
        t[0] = a, t[1] = b, t[2] = c, t[3] = d;
    }
    for (; bytes > 0; bytes -= 4) {
        *t++ = *f++;
    }
}

/* How many of `rows` output rows can be computed from what there is of an input. */
static int32_t computable(const work_t *work, const espdl_reach_t *reach, int32_t rows)
{
    const int32_t have = work->progress[reach->tensor].done;
    if (have == work->region->tensors[reach->tensor].rows) {
        return rows;
    }
    const int32_t room = have * reach->divisor - 1 - reach->last;
    const int32_t count = room < 0 ? 0 : (reach->step == 1 ? room : room / reach->step) + 1;
    return count < rows ? count : rows;
}

static uint8_t *row_of(const work_t *work, const espdl_rows_t *tensor, const progress_t *progress, int32_t row)
{
    const int32_t origin = tensor->kind == ESPDL_ROWS_ALL ? 0 : progress->fresh;
    return work->self->arena + tensor->place + (row - origin) * (int32_t)tensor->row;
}

/* A row that is read: what the application has is not written. */
static const uint8_t *row_to_read(const work_t *work, const espdl_rows_t *tensor, const progress_t *progress,
                                  int32_t row)
{
    if (tensor->kind == ESPDL_ROWS_CALLER) {
        const uint8_t *const *const data = (const void *)(work->self->arena + tensor->place);
        return *data + row * (int32_t)tensor->row;
    }
    return row_of(work, tensor, progress, row);
}

/* Brings rows that waited in front of the fresh ones, and puts aside those that the next stripe needs, before `rows`
 * rows are computed of which `next` is the first row that the row behind them needs. */
static void keep_rows(const work_t *work, const espdl_reach_t *reach, int32_t rows, int32_t next)
{
    const espdl_rows_t *tensor = &work->region->tensors[reach->tensor];
    progress_t *progress = &work->progress[reach->tensor];
    if (tensor->kind == ESPDL_ROWS_ALL || tensor->kind >= ESPDL_ROWS_CALLER) {
        return;
    }
    const int aside = tensor->kind == ESPDL_ROWS_ASIDE;
    uint8_t *waiting = work->self->arena + tensor->aside;
    const uint32_t row = tensor->row;
    progress->need = reach->is_first || next < progress->need ? (uint16_t)next : progress->need;
    if (reach->is_first && reach->is_last && rows == 0) {
        if (aside) {
            work->region->copy(waiting + (progress->fresh - progress->base) * row,
                             row_of(work, tensor, progress, progress->fresh), (progress->done - progress->fresh) * row);
        }
        return;
    }
    if (aside && reach->is_first) {
        work->region->copy(row_of(work, tensor, progress, progress->base), waiting,
                           (progress->fresh - progress->base) * row);
    }
    if (reach->is_last) {
        progress->base = progress->need;
        if (aside) {
            work->region->copy(waiting, row_of(work, tensor, progress, progress->base),
                             (progress->done - progress->base) * row);
        }
    }
}

/* Where rows wait in front of the fresh ones, they move there when the last call has read them. */
static void move_rows(const work_t *work, const espdl_reach_t *reach)
{
    const espdl_rows_t *tensor = &work->region->tensors[reach->tensor];
    const progress_t *progress = &work->progress[reach->tensor];
    if (tensor->kind == ESPDL_ROWS_MOVE && reach->is_last) {
        const uint32_t bytes = (progress->done - progress->base) * tensor->row;
        work->region->copy(work->self->arena + tensor->place - bytes,
                           row_of(work, tensor, progress, progress->base), bytes);
    }
}

/* Rows that the layer can compute now. */
static int32_t rows_of(const work_t *work, const espdl_striped_layer_t *layer, int32_t start)
{
    int32_t rows = work->region->tensors[layer->output].rows;
    for (size_t i = 0; i < layer->input_count; i++) {
        rows = computable(work, &layer->inputs[i], rows);
    }
    return rows - start < layer->cap ? rows - start : layer->cap;
}

/* Inputs that the layer does not have stay open: to clear and to copy all of it takes 170 instructions. */
static void set_stripe(espdl_stripe_t *stripe, const work_t *work, const espdl_striped_layer_t *layer, int32_t start,
                       int32_t rows)
{
    const espdl_rows_t *tensors = work->region->tensors;
    stripe->rows = rows;
    stripe->start = start;
    stripe->input_rows = stripe->input_start = stripe->above = stripe->core = 0;
    for (size_t i = 0; i < layer->input_count; i++) {
        const espdl_reach_t *reach = &layer->inputs[i];
        const int32_t begin = espdl_reach_begin(reach, start);
        stripe->inputs[i] = row_to_read(work, &tensors[reach->tensor], &work->progress[reach->tensor], begin);
        if (i == 0) {
            stripe->input_start = begin;
            stripe->input_rows = espdl_reach_end(reach, start + rows - 1, tensors[reach->tensor].rows) - begin;
            stripe->above = begin * reach->divisor - reach->step * start - reach->first;
        }
    }
    stripe->output = row_of(work, &tensors[layer->output], &work->progress[layer->output], start);
}

/* Returns whether the rows are there. */
static bool run_rows(const work_t *work, const espdl_striped_layer_t *layer, int32_t start, int32_t rows)
{
    const espdl_t *self = work->self;
    const espdl_rows_t *tensors = work->region->tensors;
    if (layer->step == NULL) {
        const uint32_t input = tensors[layer->inputs[0].tensor].place;
        uint8_t *output = row_of(work, &tensors[layer->output], &work->progress[layer->output], start);
        return self->on_rows(self->rows_user, input, (size_t)start, (size_t)rows, output);
    }
    const int32_t mine = layer->is_shared && self->worker != NULL ? (rows + 1) / 2 : rows;
    espdl_stripe_t stripe;
    set_stripe(&stripe, work, layer, start, mine);
    if (mine < rows) {
        espdl_stripe_t other;
        set_stripe(&other, work, layer, start + mine, rows - mine);
        other.core = 1;
        work->region->share(self, layer->step, &stripe, &other);
    } else {
        layer->step(self->arena, self->weights, &stripe);
    }
    return true;
}

static bool call_hook(const work_t *work, size_t index, int32_t start, int32_t rows, espdl_phase_t phase)
{
    const espdl_t *self = work->self;
    const uint16_t output = work->region->layers[index].output;
    const espdl_rows_t *tensor = &work->region->tensors[output];
    const uint32_t bytes = (uint32_t)rows * tensor->row;
    const uint8_t *data = row_of(work, tensor, &work->progress[output], start);
    const espdl_span_t span = {(uint32_t)(data - self->arena), bytes, bytes, bytes};
    espdl_layer_t layer;
    layer = *espdl_layer_of(self->model, work->region->first + index, &layer);
    layer.row = (uint16_t)start;
    layer.end_row = (uint16_t)(start + rows);
    layer.rows = tensor->rows;
    if (self->model->layers != NULL) {
        layer.outputs = &span;
        layer.output_count = 1;
    }
    return self->on_layer(self->user, &layer, phase);
}

/* Calls the layer hook, if there is one, for `rows` rows; false: it wants the run to end. */
static inline bool tell_hook(const work_t *work, size_t index, int32_t start, int32_t rows, espdl_phase_t phase)
{
    return work->self->on_layer == NULL || call_hook(work, index, start, rows, phase);
}

/* Sets `is_busy` where the layer computed anything. */
static espdl_status_t run_layer(const work_t *work, size_t index, bool *is_busy)
{
    const espdl_striped_layer_t *layer = &work->region->layers[index];
    progress_t *output = &work->progress[layer->output];
    const int32_t all = work->region->tensors[layer->output].rows, start = output->done;
    const int32_t rows = rows_of(work, layer, start);
    for (size_t i = 0; i < layer->input_count; i++) {
        const espdl_reach_t *reach = &layer->inputs[i];
        const int32_t done = work->progress[reach->tensor].done, begin = espdl_reach_begin(reach, start + rows);
        keep_rows(work, reach, rows, start + rows == all || begin > done ? done : begin);
    }
    output->fresh = (uint16_t)start;
    if (rows > 0) {
        if (!tell_hook(work, index, start, rows, ESPDL_LAYER_BEGIN)) {
            return ESPDL_CANCELLED;
        }
        if (!run_rows(work, layer, start, rows)) {
            return ESPDL_INPUT_FAILED;
        }
        if (!tell_hook(work, index, start, rows, ESPDL_LAYER_END)) {
            return ESPDL_CANCELLED;
        }
        *is_busy = true;
    }
    for (size_t i = 0; i < layer->input_count; i++) {
        move_rows(work, &layer->inputs[i]);
    }
    output->done = (uint16_t)(start + rows);
    return ESPDL_OK;
}

espdl_status_t espdl_run_stripes(const espdl_t *self, const espdl_region_t *region)
{
    const work_t work = {self, region, (progress_t *)(self->arena + region->state)};
    for (size_t i = 0; i < region->tensor_count; i++) {
        work.progress[i] = (progress_t){.done = region->tensors[i].is_input ? region->tensors[i].rows : 0};
    }
    bool is_busy = true;
    while (is_busy) {
        is_busy = false;
        for (size_t i = 0; i < (size_t)(region->stop - region->first); i++) {
            const espdl_status_t status = run_layer(&work, i, &is_busy);
            if (status != ESPDL_OK) {
                return status;
            }
        }
    }
    return ESPDL_OK;
}
