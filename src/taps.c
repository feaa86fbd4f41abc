/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * A line is "@espdl <line> <text> *<check>", where <check> are 4 hexadecimal digits over "<line> <text>". Lines are
 * counted from 0, so that a missing one is noticed. The texts, numbers in decimal, hashes and data in hexadecimal:
 *
 *     run <run> <model> <identity> <layers>            a run begins
 *     weights <bytes> <hash>                           those that the run uses
 *     input <input> <bytes> <hash>                     an input, before the first layer
 *     input-data <input> 0 <offset> <data>             a piece of it
 *     layer <layer> <output> <bytes> <hash>            an output of a layer, when it has ended
 *     layer-data <layer> <output> <offset> <data>      a piece of it
 *     part <layer> <output> <offset> <bytes> <all> <hash>  of a layer in stripes: rows of an output of `all` bytes
 *     part-data <layer> <output> <offset> <data>       a piece of it; all offsets count from the output's first byte
 *     end <run>                                        all layers have ended
 *
 * Hashes are FNV-1a of 32 bits; a check is one, its two halves xored. espdl/verify/taps.py reads them.
 */
#include "espdl_taps.h"

#if defined(CONFIG_ESPDL_TAPS)

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inputs.h"

#define DATA_BYTES 32
#define LINE_CHARACTERS 192

#define HASH_START 0x811C9DC5u

static uint32_t hash_more(uint32_t state, const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        state = (state ^ data[i]) * 0x01000193u;
    }
    return state;
}

static uint32_t hash(const void *data, size_t bytes)
{
    return hash_more(HASH_START, data, bytes);
}

static uint32_t hash_span(const uint8_t *base, const espdl_span_t *span)
{
    uint32_t state = HASH_START;
    const uint8_t *row = base + span->offset;
    for (uint32_t done = 0; done < span->bytes; done += span->row, row += span->pitch) {
        state = hash_more(state, row, span->row);
    }
    return state;
}

__attribute__((format(printf, 2, 3))) static void print(espdl_taps_t *self, const char *format, ...)
{
    char text[LINE_CHARACTERS];
    const int head = snprintf(text, sizeof(text), "%" PRIu32 " ", self->line++);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + head, sizeof(text) - (size_t)head, format, arguments);
    va_end(arguments);
    const uint32_t check = hash(text, strlen(text));
    /* One call for a whole line: tasks that print at the same time rarely get in between. */
    printf("@espdl %s *%04x\n", text, (unsigned)((check >> 16 ^ check) & 0xFFFFu));
}

/* `start` is where the span begins in what is printed. */
static void print_data(espdl_taps_t *self, const char *kind, size_t index, size_t output, const uint8_t *base,
                       const espdl_span_t *span, uint32_t start)
{
    const uint8_t *const data = base + span->offset;
    for (size_t offset = 0; offset < span->bytes; offset += DATA_BYTES) {
        char text[2 * DATA_BYTES + 1];
        const size_t count = span->bytes - offset < DATA_BYTES ? span->bytes - offset : DATA_BYTES;
        for (size_t i = 0; i < count; i++) {
            const uint8_t byte = data[(offset + i) / span->row * span->pitch + (offset + i) % span->row];
            text[2 * i] = "0123456789abcdef"[byte >> 4];
            text[2 * i + 1] = "0123456789abcdef"[byte & 15];
        }
        text[2 * count] = '\0';
        print(self, "%s %u %u %lu %s", kind, (unsigned)index, (unsigned)output, (unsigned long)(start + offset),
              text);
    }
}

static void print_begin(espdl_taps_t *self)
{
    const espdl_t *instance = self->instance;
    const espdl_model_t *model = instance->model;
    print(self, "run %" PRIu32 " %.50s %.50s %u", self->run, model->name, model->identity,
          (unsigned)model->layer_count);
    print(self, "weights %" PRIu32 " %08" PRIx32, model->weights_bytes, hash(instance->weights, model->weights_bytes));
    for (size_t i = 0; i < model->input_count; i++) {
        const uint32_t bytes = model->inputs[i].bytes;
        const uint8_t *const data = espdl_input_data(instance, &model->inputs[i]);
        if (data == NULL) {
            continue; /* the run asks for its rows later */
        }
        const espdl_span_t span = {0, bytes, bytes, bytes};
        print(self, "input %u %" PRIu32 " %08" PRIx32, (unsigned)i, bytes, hash_span(data, &span));
        if (self->config.dump_inputs) {
            print_data(self, "input-data", i, 0, data, &span, 0);
        }
    }
}

static bool is_dumped(const espdl_taps_t *self, uint16_t index)
{
    for (size_t i = 0; i < self->config.dump_count; i++) {
        if (self->config.dump[i] == index) {
            return true;
        }
    }
    return false;
}

static void print_layer(espdl_taps_t *self, const espdl_layer_t *layer)
{
    for (size_t i = 0; i < layer->output_count; i++) {
        const espdl_span_t *span = &layer->outputs[i];
        print(self, "layer %u %u %" PRIu32 " %08" PRIx32, (unsigned)layer->index, (unsigned)i, span->bytes,
              hash_span(self->instance->arena, span));
        if (is_dumped(self, layer->index)) {
            print_data(self, "layer-data", layer->index, i, self->instance->arena, span, 0);
        }
    }
}

/* The rows of a stripe are gone with the next one: they are printed as they come. */
static void print_part(espdl_taps_t *self, const espdl_layer_t *layer)
{
    for (size_t i = 0; i < layer->output_count; i++) {
        const espdl_span_t *span = &layer->outputs[i];
        const uint32_t row = span->bytes / (uint32_t)(layer->end_row - layer->row), start = layer->row * row;
        print(self, "part %u %u %" PRIu32 " %" PRIu32 " %" PRIu32 " %08" PRIx32, (unsigned)layer->index, (unsigned)i,
              start, span->bytes, layer->rows * row, hash_span(self->instance->arena, span));
        if (is_dumped(self, layer->index)) {
            print_data(self, "part-data", layer->index, i, self->instance->arena, span, start);
        }
    }
}

/* Prints outside of the other hooks, so that a profile does not measure it. */
static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    espdl_taps_t *self = user;
    if (phase == ESPDL_LAYER_BEGIN && layer->index == 0 && layer->row == 0) {
        self->ended = 0;
        print_begin(self);
    }
    const bool go_on = self->next == NULL || self->next(self->next_user, layer, phase);
    if (phase == ESPDL_LAYER_END) {
        if (layer->rows == 0) {
            print_layer(self, layer);
        } else {
            print_part(self, layer);
        }
        /* In stripes, the last layer may end before another one whose result nobody reads. */
        self->ended += layer->end_row == layer->rows ? 1u : 0u;
        if (layer->end_row == layer->rows && self->ended == self->instance->model->layer_count) {
            print(self, "end %" PRIu32, self->run++);
        }
    }
    return go_on;
}

espdl_status_t espdl_taps_attach(espdl_taps_t *self, espdl_t *instance, const espdl_taps_config_t *config)
{
    if (self == NULL || instance == NULL) {
        return ESPDL_NULL_ARGUMENT;
    }
    if (instance->model == NULL) {
        return ESPDL_NOT_INITIALIZED;
    }
    if (instance->model->layers == NULL) {
        return ESPDL_NO_LAYERS;
    }
    *self = (espdl_taps_t){.instance = instance, .next = instance->on_layer, .next_user = instance->user};
    if (config != NULL) {
        self->config = *config;
    }
    return espdl_set_hook(instance, on_layer, self);
}

#endif
