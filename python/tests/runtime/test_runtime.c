/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* The runtime with a model made by hand: two layers that add one and double, over eight bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "espdl_stripes.h"

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);            \
            s_failures++;                                                      \
        }                                                                      \
    } while (0)

static int s_failures;

static void add_weight(uint8_t *arena, const uint8_t *weights)
{
    for (int i = 0; i < 8; i++) {
        arena[16 + i] = (uint8_t)(arena[i] + weights[0]);
    }
}

static void twice(uint8_t *arena, const uint8_t *weights)
{
    (void)weights;
    for (int i = 0; i < 8; i++) {
        arena[i] = (uint8_t)(arena[16 + i] * 2);
    }
}

static ESPDL_ALIGNED const uint8_t s_weights[16] = {1};
static ESPDL_ALIGNED const uint8_t s_other_weights[16] = {5};
static ESPDL_ALIGNED uint8_t s_copy[16];
static ESPDL_ALIGNED uint8_t s_arena[48];
static ESPDL_ALIGNED uint8_t s_own_arena[32];

static const int32_t s_shape[] = {1, 8};
static const espdl_step_t s_steps[] = {add_weight, twice};
static const espdl_span_t s_span_0[] = {{16, 8, 8, 8}};
static const espdl_span_t s_span_1[] = {{0, 8, 8, 8}};
static const espdl_layer_t s_layers[] = {{"one", "add", "test", s_span_0, 1, 0, 0, 0, 0},
                                         {"two", "mul", "test", s_span_1, 1, 1, 0, 0, 0}};
static const espdl_tensor_t s_input = {"x", s_shape, 0.5f, 3, 0, 8, 2, ESPDL_INT8, 0, 0};
static const espdl_tensor_t s_output = {"y", s_shape, 0.25f, -3, 0, 8, 2, ESPDL_INT8, 0, 0};

static espdl_model_t make_model(void)
{
    const espdl_model_t model = {
        .magic = ESPDL_MODEL_MAGIC,
        .abi_version = ESPDL_ABI_VERSION,
        .name = "test",
        .identity = "1",
        .arena_bytes = 32,
        .weights_bytes = sizeof(s_weights),
        .weights = s_weights,
        .steps = s_steps,
        .layers = s_layers,
        .inputs = &s_input,
        .outputs = &s_output,
        .layer_count = 2,
        .input_count = 1,
        .output_count = 1,
    };
    return model;
}

static void prepare_one(uint8_t *arena, const uint8_t *weights)
{
    arena[31] = (uint8_t)(arena[31] + weights[0]);
}

static void test_prepare(void)
{
    espdl_model_t model = make_model();
    espdl_t instance;
    espdl_config_t config = {.arena = s_arena, .arena_size = sizeof(s_arena)};
    model.prepare = prepare_one;
    s_arena[31] = 0;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
    CHECK(s_arena[31] == s_weights[0]); /* once, on this arena, with the weights */
    config.arena_size = 16;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_ARENA_TOO_SMALL);
    CHECK(s_arena[31] == s_weights[0]); /* not where init refuses */
}

static int result(espdl_t *instance)
{
    memset(espdl_input(instance, 0), 10, 8);
    return espdl_run(instance) == ESPDL_OK ? ((const uint8_t *)espdl_output(instance, 0))[7] : -1;
}

static void test_run(void)
{
    const espdl_model_t model = make_model();
    espdl_t instance;
    const espdl_config_t config = {.arena = s_arena, .arena_size = 32};
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
    CHECK(espdl_input(&instance, 0) == s_arena);
    CHECK(result(&instance) == 22);
    espdl_t copy = instance;
    CHECK(result(&copy) == 22);
}

static void test_refused_configurations(void)
{
    const espdl_model_t model = make_model();
    espdl_t instance;
    espdl_config_t config = {.arena = s_arena, .arena_size = 31};
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_ARENA_TOO_SMALL);
    CHECK(espdl_run(&instance) == ESPDL_NOT_INITIALIZED);
    CHECK(espdl_input(&instance, 0) == NULL && espdl_output(&instance, 0) == NULL);
    for (int i = 1; i < ESPDL_ALIGNMENT; i++) {
        config = (espdl_config_t){.arena = s_arena + i, .arena_size = 32};
        CHECK(espdl_init(&instance, &model, &config) == ESPDL_ARENA_MISALIGNED);
        config = (espdl_config_t){.arena = s_arena, .arena_size = 32, .weights = s_other_weights + i};
        CHECK(espdl_init(&instance, &model, &config) == ESPDL_WEIGHTS_MISALIGNED);
    }
    config = (espdl_config_t){.arena = NULL, .arena_size = 32};
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_init(&instance, &model, NULL) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_init(&instance, NULL, &config) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_init(NULL, &model, &config) == ESPDL_NULL_ARGUMENT);
}

static void test_refused_models(void)
{
    const espdl_config_t config = {.arena = s_arena, .arena_size = 32};
    espdl_t instance;
    espdl_model_t model = make_model();
    model.magic ^= 1;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_BAD_MODEL);
    CHECK(espdl_input_info(&model, 0) == NULL && espdl_output_info(&model, 0) == NULL);
    model = make_model();
    model.abi_version++;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_BAD_MODEL);
    static const espdl_model_t s_zero;
    CHECK(espdl_init(&instance, &s_zero, &config) == ESPDL_BAD_MODEL);
}

static void test_null_and_zero_instances(void)
{
    espdl_t zero = {0};
    CHECK(espdl_run(NULL) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_run(&zero) == ESPDL_NOT_INITIALIZED);
    CHECK(espdl_set_hook(NULL, NULL, NULL) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_set_hook(&zero, NULL, NULL) == ESPDL_NOT_INITIALIZED);
    CHECK(espdl_input(NULL, 0) == NULL && espdl_output(NULL, 0) == NULL);
    CHECK(espdl_input(&zero, 0) == NULL && espdl_output(&zero, 0) == NULL);
    CHECK(espdl_input_info(NULL, 0) == NULL && espdl_output_info(NULL, 0) == NULL);
}

static void test_info(void)
{
    const espdl_model_t model = make_model();
    CHECK(espdl_input_info(&model, 0) == &s_input && espdl_output_info(&model, 0) == &s_output);
    CHECK(espdl_input_info(&model, 1) == NULL && espdl_output_info(&model, (size_t)-1) == NULL);
    espdl_t instance;
    CHECK(espdl_init(&instance, &model, &(espdl_config_t){.arena = s_arena, .arena_size = 48}) == ESPDL_OK);
    CHECK(espdl_input(&instance, 1) == NULL && espdl_output(&instance, 1) == NULL);
}

static void test_own_arena(void)
{
    espdl_model_t model = make_model();
    model.arena = s_own_arena;
    espdl_t instance;
    CHECK(espdl_init(&instance, &model, NULL) == ESPDL_OK);
    CHECK(espdl_input(&instance, 0) == s_own_arena && result(&instance) == 22);
    CHECK(espdl_init(&instance, &model, &(espdl_config_t){.arena = s_arena, .arena_size = 32}) == ESPDL_OK);
    CHECK(espdl_input(&instance, 0) == s_arena);
}

static void test_weights(void)
{
    espdl_model_t model = make_model();
    espdl_config_t config = {.arena = s_arena, .arena_size = 32, .weights = s_other_weights};
    espdl_t instance;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
    CHECK(result(&instance) == 30);
    model.weights_copy = s_copy;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
    CHECK(s_copy[0] == 0 && result(&instance) == 30);
    config.weights = NULL;
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
    CHECK(s_copy[0] == 1 && result(&instance) == 22);
    s_copy[0] = 7; /* the copy is what is used, and the next init restores it */
    CHECK(result(&instance) == 34);
    CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK && result(&instance) == 22);
}

/* The same layer, whose input is at the caller; what says where lies in the arena from byte 32 on. */
static void add_weight_to_caller(uint8_t *arena, const uint8_t *weights)
{
    const uint8_t *x = *(const uint8_t *const *)(arena + 32);
    for (int i = 0; i < 8; i++) {
        arena[16 + i] = (uint8_t)(x[i] + weights[0]);
    }
}

static bool refuse(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    (void)user;
    (void)layer;
    (void)phase;
    return false;
}

static void test_input_at_caller(void)
{
    static const espdl_step_t s_caller_steps[] = {add_weight_to_caller, twice};
    static const espdl_tensor_t s_caller_input = {"x", s_shape, 0.5f, 3, 32, 8, 2, ESPDL_INT8, 4, 0};
    static ESPDL_ALIGNED const uint8_t s_frames[2][8] = {{1, 1, 1, 1, 1, 1, 1, 10}, {1, 1, 1, 1, 1, 1, 1, 20}};
    espdl_model_t model = make_model(), other = make_model();
    model.arena_bytes = 48;
    model.steps = s_caller_steps;
    model.inputs = &s_caller_input;
    model.run = espdl_run_regions;
    espdl_t instance, zero = {0};
    const espdl_config_t config = {.arena = s_arena, .arena_size = sizeof(s_arena)};
    for (int garbage = 0; garbage < 256; garbage += 51) {
        memset(s_arena, garbage, sizeof(s_arena));
        CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
        CHECK(espdl_run(&instance) == ESPDL_NO_INPUT);
    }
    CHECK(espdl_input(&instance, 0) == NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(espdl_set_input(&instance, 0, s_frames[i]) == ESPDL_OK);
        CHECK(espdl_run(&instance) == ESPDL_OK);
        CHECK(((const uint8_t *)espdl_output(&instance, 0))[7] == (i == 0 ? 22 : 42));
        CHECK(espdl_run(&instance) == ESPDL_NO_INPUT); /* every run needs it anew */
    }
    CHECK(espdl_set_input(&instance, 0, s_frames[0]) == ESPDL_OK);
    CHECK(espdl_set_input(&instance, 0, s_frames[1]) == ESPDL_OK); /* the last one counts */
    espdl_t copy = instance;
    CHECK(espdl_run(&copy) == ESPDL_OK && ((const uint8_t *)espdl_output(&copy, 0))[7] == 42);
    CHECK(espdl_set_input(&instance, 0, s_frames[0]) == ESPDL_OK);
    espdl_set_hook(&instance, refuse, NULL);
    CHECK(espdl_run(&instance) == ESPDL_CANCELLED);
    espdl_set_hook(&instance, NULL, NULL);
    CHECK(espdl_run(&instance) == ESPDL_NO_INPUT); /* a cancelled run has forgotten it too */
    CHECK(espdl_set_input(&instance, 0, s_frames[0]) == ESPDL_OK);
    CHECK(espdl_run(&instance) == ESPDL_OK && ((const uint8_t *)espdl_output(&instance, 0))[7] == 22);
    CHECK(espdl_set_input(&instance, 0, s_frames[0]) == ESPDL_OK);
    memset(s_arena, 0x3C, sizeof(s_arena)); /* something else used the arena */
    CHECK(espdl_run(&instance) == ESPDL_NO_INPUT);

    CHECK(espdl_set_input(&instance, 0, s_frames[0] + 2) == ESPDL_INPUT_MISALIGNED);
    CHECK(espdl_set_input(&instance, 1, s_frames[0]) == ESPDL_NO_INPUT);
    CHECK(espdl_set_input(&instance, 0, NULL) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_set_input(NULL, 0, s_frames[0]) == ESPDL_NULL_ARGUMENT);
    CHECK(espdl_set_input(&zero, 0, s_frames[0]) == ESPDL_NOT_INITIALIZED);
    CHECK(espdl_init(&instance, &other, &config) == ESPDL_OK);
    CHECK(espdl_set_input(&instance, 0, s_frames[0]) == ESPDL_NO_INPUT); /* this one is in the arena */
}

typedef struct {
    int calls;
    int cancel_at;
    char log[64];
} hook_t;

static bool on_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    hook_t *hook = user;
    char text[16];
    snprintf(text, sizeof(text), "%c%s%d ", phase == ESPDL_LAYER_BEGIN ? '<' : '>', layer->name, layer->index);
    strcat(hook->log, text);
    if (phase == ESPDL_LAYER_END) {
        CHECK(s_arena[layer->outputs[0].offset] == (layer->index == 0 ? 11 : 22));
        CHECK(layer->output_count == 1 && layer->outputs[0].bytes == 8);
    }
    return hook->calls++ != hook->cancel_at;
}

/* The model has no table of layers: a hook gets the index only. */
static bool on_nameless_layer(void *user, const espdl_layer_t *layer, espdl_phase_t phase)
{
    hook_t *hook = user;
    char text[16];
    CHECK(layer->name[0] == 0 && layer->op[0] == 0 && layer->backend[0] == 0);
    CHECK(layer->output_count == 0 && layer->outputs == NULL);
    snprintf(text, sizeof(text), "%c%d ", phase == ESPDL_LAYER_BEGIN ? '<' : '>', layer->index);
    strcat(hook->log, text);
    hook->calls++;
    return true;
}

static void test_hook(void)
{
    static const char *const s_expected[] = {"<one0 ", "<one0 >one0 ", "<one0 >one0 <two1 ", "<one0 >one0 <two1 >two1 "};
    const espdl_model_t model = make_model();
    for (int cancel_at = 0; cancel_at < 5; cancel_at++) {
        hook_t hook = {.cancel_at = cancel_at};
        espdl_t instance;
        const espdl_config_t config = {.arena = s_arena, .arena_size = 32, .on_layer = on_layer, .user = &hook};
        CHECK(espdl_init(&instance, &model, &config) == ESPDL_OK);
        memset(espdl_input(&instance, 0), 10, 8);
        CHECK(espdl_run(&instance) == (cancel_at < 4 ? ESPDL_CANCELLED : ESPDL_OK));
        CHECK(strcmp(hook.log, s_expected[cancel_at < 4 ? cancel_at : 3]) == 0);
    }
    espdl_model_t bare = make_model();
    bare.layers = NULL;
    hook_t hook = {.cancel_at = -1};
    espdl_t instance;
    const espdl_config_t config = {.arena = s_arena, .arena_size = 32};
    CHECK(espdl_init(&instance, &bare, &config) == ESPDL_OK && result(&instance) == 22 && hook.calls == 0);
    CHECK(espdl_set_hook(&instance, on_nameless_layer, &hook) == ESPDL_OK);
    CHECK(result(&instance) == 22 && strcmp(hook.log, "<0 >0 <1 >1 ") == 0);
    CHECK(espdl_set_hook(&instance, NULL, NULL) == ESPDL_OK && result(&instance) == 22 && hook.calls == 4);
}

static void test_status_names(void)
{
    CHECK(strcmp(espdl_status_name(ESPDL_OK), "ESPDL_OK") == 0);
    CHECK(strcmp(espdl_status_name(ESPDL_CANCELLED), "ESPDL_CANCELLED") == 0);
    for (int i = 0; i <= ESPDL_NO_WORKER; i++) {
        CHECK(strncmp(espdl_status_name((espdl_status_t)i), "ESPDL_", 6) == 0);
        CHECK(strcmp(espdl_status_name((espdl_status_t)i), "ESPDL_UNKNOWN") != 0);
    }
    CHECK(strcmp(espdl_status_name((espdl_status_t)(ESPDL_NO_WORKER + 1)), "ESPDL_UNKNOWN") == 0);
    CHECK(strcmp(espdl_status_name((espdl_status_t)-1), "ESPDL_UNKNOWN") == 0);
}

int main(void)
{
    test_run();
    test_refused_configurations();
    test_refused_models();
    test_null_and_zero_instances();
    test_info();
    test_own_arena();
    test_weights();
    test_prepare();
    test_input_at_caller();
    test_hook();
    test_status_names();
    if (s_failures == 0) {
        puts("all passed");
    }
    return s_failures != 0;
}
