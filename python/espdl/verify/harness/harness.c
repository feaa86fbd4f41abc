/*
 * SPDX-License-Identifier: Apache-2.0
 */
/*
 * Runs a compiled model on samples from a stream.
 *
 * In:  uint32 number of samples, uint32 what is wanted of each layer (1: its outputs, 2: its costs, 0: nothing), then the
 *      inputs of each sample in order.
 * Out: for each sample, every layer's outputs (if wanted), then the model's outputs in order.
 * Integers are in the machine's byte order (little endian everywhere this runs).
 *
 * A sample of a model compiled with STREAM is a push: of that input its rows come, and the outputs before the first window is
 * full are whatever is in memory.
 *
 * Before each sample the arena, but for what init prepared, is filled with a pattern, so that a read of memory that was never
 * written does not go unseen, and after each run the bytes around the arena are checked.
 *
 * Compiled with HARNESS_HEADER ("net.h"), HARNESS_MODEL (net_model) and HARNESS_ARENA (net_arena_t).
 */
#include HARNESS_HEADER

#include "espdl_stream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define GUARD_BYTES 256
#define GUARD_VALUE 0x5C
#define ARENA_VALUE 0xA5

enum { WANT_OUTPUTS = 1, WANT_COSTS = 2 };
enum { FAILED_INPUT = 10, FAILED_STATUS = 11, FAILED_GUARD = 12 };

static struct {
    uint8_t before[GUARD_BYTES];
    HARNESS_ARENA arena;
    uint8_t after[GUARD_BYTES];
} s_memory;

static void set_guards(void)
{
    memset(s_memory.before, GUARD_VALUE, GUARD_BYTES);
    memset(s_memory.after, GUARD_VALUE, GUARD_BYTES);
#ifdef __SANITIZE_ADDRESS__
    ASAN_POISON_MEMORY_REGION(s_memory.before, GUARD_BYTES);
    ASAN_POISON_MEMORY_REGION(s_memory.after, GUARD_BYTES);
#endif
}

static void check_guards(void)
{
#ifndef __SANITIZE_ADDRESS__ /* which stops at the access itself */
    for (size_t i = 0; i < GUARD_BYTES; i++) {
        if (s_memory.before[i] != GUARD_VALUE || s_memory.after[i] != GUARD_VALUE) {
            harness_fail(FAILED_GUARD, "a byte outside of the arena was written");
        }
    }
#endif
}

/* With the address sanitizer the weights move to memory of their exact size: a read behind their end is then an error. */
static const void *place_weights(void)
{
#ifdef __SANITIZE_ADDRESS__
    const size_t bytes = HARNESS_MODEL.weights_bytes;
    void *copy = aligned_alloc(ESPDL_ALIGNMENT, bytes);
    if (copy == NULL) {
        harness_fail(FAILED_STATUS, "no memory for the weights");
    }
    return memcpy(copy, HARNESS_MODEL.weights, bytes);
#else
    return NULL;
#endif
}

static void read_exactly(void *data, size_t bytes)
{
    if (harness_read(data, bytes) != bytes) {
        harness_fail(FAILED_INPUT, "the input stream ended early");
    }
}

static void check(espdl_status_t status)
{
    if (status != ESPDL_OK) {
        harness_fail(FAILED_STATUS, espdl_status_name(status));
    }
}

/* The costs are read next to the layer, before anything else happens here. */
static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    const uint32_t wanted = *(const uint32_t *)user;
    if (phase == ESPDL_LAYER_BEGIN) {
        if ((wanted & WANT_COSTS) != 0) {
            harness_before_layer();
        }
        return true;
    }
    if ((wanted & WANT_COSTS) != 0) {
        harness_after_layer();
    }
    for (size_t i = 0; (wanted & WANT_OUTPUTS) != 0 && i < layer->output_count; i++) {
        harness_write_span(s_memory.arena.bytes, &layer->outputs[i]);
    }
    return true;
}

/* By input, of those not in the arena: what the run reads, and what is compared with it afterwards. */
static uint8_t **s_given, **s_copies;

static void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(ESPDL_ALIGNMENT, (bytes + ESPDL_ALIGNMENT - 1) / ESPDL_ALIGNMENT * ESPDL_ALIGNMENT);
    if (memory == NULL) {
        harness_fail(FAILED_STATUS, "no memory for the inputs");
    }
    return memory;
}

static void make_inputs(void)
{
    s_given = calloc(HARNESS_MODEL.input_count + 1u, sizeof(*s_given));
    s_copies = calloc(HARNESS_MODEL.input_count + 1u, sizeof(*s_copies));
    if (s_given == NULL || s_copies == NULL) {
        harness_fail(FAILED_STATUS, "no memory for the inputs");
    }
}

/* Of a sample: the whole input, or the rows of a push. */
static size_t given_bytes(size_t index)
{
    const struct espdl_stream *stream = HARNESS_MODEL.stream;
    const bool is_pushed = stream != NULL && stream->input == index;
    return is_pushed ? stream->hop * stream->tensors[0].row : HARNESS_MODEL.inputs[index].bytes;
}

static void give_input(espdl_t *instance, size_t index)
{
    const espdl_tensor_t *info = espdl_input_info(&HARNESS_MODEL, index);
    if (info->by_rows == 3) { /* a state */
        return;
    }
    if (info->alignment == 0 && !info->by_rows) {
        read_exactly(espdl_input(instance, index), info->bytes);
        return;
    }
    if (s_given[index] == NULL) {
        s_given[index] = allocate(info->bytes);
        s_copies[index] = allocate(info->bytes);
    }
    read_exactly(s_given[index], given_bytes(index));
    memcpy(s_copies[index], s_given[index], given_bytes(index));
    if (!info->by_rows) {
        check(espdl_set_input(instance, index, s_given[index]));
    }
}

static bool give_rows(void *user, size_t input, size_t first, size_t count, void *rows)
{
    (void)user;
    const espdl_tensor_t *info = espdl_input_info(&HARNESS_MODEL, input);
    const size_t row = info->bytes / (size_t)info->shape[1];
    memcpy(rows, s_given[input] + first * row, count * row);
    return true;
}

static void check_inputs(void)
{
    for (size_t i = 0; i < HARNESS_MODEL.input_count; i++) {
        if (s_given[i] != NULL && memcmp(s_given[i], s_copies[i], given_bytes(i)) != 0) {
            harness_fail(FAILED_GUARD, "an input of the caller was written");
        }
    }
}

static void free_inputs(void)
{
    for (size_t i = 0; i < HARNESS_MODEL.input_count; i++) {
        free(s_given[i]);
        free(s_copies[i]);
    }
    free(s_given);
    free(s_copies);
}

static espdl_status_t push_and_run(espdl_t *instance)
{
    const struct espdl_stream *stream = HARNESS_MODEL.stream;
    if (stream != NULL) {
        check(espdl_push(instance, stream->input, s_given[stream->input], stream->hop));
    }
    const espdl_status_t status = espdl_run(instance);
    return status == ESPDL_FILLING ? ESPDL_OK : status;
}

static void run_sample(espdl_t *instance)
{
    memset(&s_memory.arena, ARENA_VALUE, sizeof(s_memory.arena) - HARNESS_MODEL.state_bytes);
    for (size_t i = 0; i < HARNESS_MODEL.input_count; i++) {
        give_input(instance, i);
    }
    harness_before_run();
    const espdl_status_t status = push_and_run(instance);
    harness_after_run();
    check(status);
    check_guards();
    check_inputs();
    for (size_t i = 0; i < HARNESS_MODEL.output_count; i++) {
        harness_write(espdl_output(instance, i), espdl_output_info(&HARNESS_MODEL, i)->bytes);
    }
}

int main(void)
{
    uint32_t samples, wanted;
    read_exactly(&samples, sizeof(samples));
    read_exactly(&wanted, sizeof(wanted));
    set_guards();

    espdl_t instance;
    const espdl_config_t config = {
        .arena = &s_memory.arena,
        .arena_size = sizeof(s_memory.arena),
        .weights = place_weights(),
        .on_layer = wanted != 0 ? on_layer : NULL,
        .user = &wanted,
        .on_rows = give_rows,
    };
    check(espdl_init(&instance, &HARNESS_MODEL, &config));
    if ((wanted & WANT_OUTPUTS) != 0 && HARNESS_MODEL.layers == NULL) {
        check(ESPDL_NO_LAYERS);
    }
    make_inputs();
    for (uint32_t sample = 0; sample < samples; sample++) {
        run_sample(&instance);
    }
    free_inputs();
    free((void *)(uintptr_t)config.weights);
    return 0;
}
