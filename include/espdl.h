/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Running a compiled model.
 *
 * The generated `<name>.h` wraps these functions with typed names; use them directly where code must work with any model.
 *
 * - Nothing here allocates memory, and there are no writable globals, but for the worker of models for two cores
 *   (espdl_cores.h): an instance is two pointers into memory that the caller owns. Separate instances with separate arenas
 *   may run at the same time in separate threads; one instance may not.
 * - Inputs and outputs live in the arena. A run overwrites its inputs: write them again before the next run.
 * - Inputs of a model compiled with INPUT_MEMORY caller stay where the application has them: name their addresses before
 *   every run. A run only reads them. With INPUT_MEMORY rows a run calls config.on_rows for a few rows at a time.
 * - Kernels of ESP-DL keep what espdl_init() prepared for them in the arena's last `state_bytes`. Where something else wrote
 *   there in the meantime (another model that shares the arena), initialise again before the next run.
 * - Never call espdl_run() from an interrupt handler: a run takes milliseconds to seconds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Alignment of the arena and of the weights, in bytes. */
#define ESPDL_ALIGNMENT 16

/** Changes whenever generated code and runtime must be rebuilt together. */
#define ESPDL_ABI_VERSION 5u

/** First word of every model descriptor ("EDL1"). */
#define ESPDL_MODEL_MAGIC 0x314C4445u

#if defined(__cplusplus)
#define ESPDL_ALIGNED alignas(ESPDL_ALIGNMENT)
#else
#define ESPDL_ALIGNED _Alignas(ESPDL_ALIGNMENT)
#endif

/** What a function of this file answers. */
typedef enum {
    ESPDL_OK = 0,             /**< done */
    ESPDL_NULL_ARGUMENT,      /**< a pointer that must not be NULL is; also config.arena, where the model has no arena of its own */
    ESPDL_BAD_MODEL,          /**< no model descriptor, or one generated for another version of this runtime */
    ESPDL_ARENA_TOO_SMALL,    /**< config.arena_size is below the model's arena_bytes */
    ESPDL_ARENA_MISALIGNED,   /**< config.arena is no multiple of ESPDL_ALIGNMENT */
    ESPDL_WEIGHTS_MISALIGNED, /**< config.weights is no multiple of ESPDL_ALIGNMENT */
    ESPDL_NO_LAYERS,          /**< taps need the model's table of layers: compile it with CONFIG_ESPDL_TAPS */
    ESPDL_NOT_INITIALIZED,    /**< the instance was not initialised, or its initialisation failed */
    ESPDL_CANCELLED,          /**< the layer hook answered false; the outputs are not valid */
    ESPDL_BUFFER_TOO_SMALL,   /**< a profile has fewer entries than the model has layers */
    ESPDL_DIFFERENT,          /**< a test vector gives another output than expected */
    ESPDL_NO_INPUT,           /**< no address was set for an input at the caller since the last run, or there is no config.on_rows; or
                                   there is no such input */
    ESPDL_INPUT_MISALIGNED,   /**< the address of an input is no multiple of its alignment */
    ESPDL_INPUT_FAILED,       /**< config.on_rows answered false; the outputs are not valid */
    ESPDL_BAD_PUSH,           /**< other than HOP rows were pushed, or a second time before a run; nothing has changed */
    ESPDL_FILLING,            /**< the run took the rows that were pushed, but there are no outputs before the first window is full */
    ESPDL_BAD_IMAGE,          /**< a frame, a crop or an input that cannot be one; see espdl_image.h */
    ESPDL_NO_WORKER,          /**< no memory for the task of the other core (CORES) */
} espdl_status_t;

/** Type of a tensor's elements. */
typedef enum {
    ESPDL_INT8 = 0,
    ESPDL_UINT8,
    ESPDL_BOOL, /**< one byte, 0 or 1 */
    ESPDL_INT16,
    ESPDL_UINT16,
    ESPDL_INT32,
    ESPDL_UINT32,
    ESPDL_INT64,
    ESPDL_FLOAT32,
    ESPDL_FLOAT64,
} espdl_dtype_t;

/** An input or output of a model: real value = scale * (stored value - zero_point). */
typedef struct {
    const char *name;       /**< name in the ONNX model, at most 80 characters of it */
    const int32_t *shape;   /**< `rank` sizes, order in memory (row major), batch included */
    float scale;            /**< 0 where the tensor is not quantised, or its features have scales of their own */
    int32_t zero_point;     /**< in the range of the type; 0 where the tensor is not quantised */
    uint32_t offset;        /**< place in the arena, bytes; of an input at the caller, of what says where it is */
    uint32_t bytes;         /**< size, bytes */
    uint8_t rank;           /**< number of dimensions, 0 for a scalar */
    uint8_t dtype;          /**< an espdl_dtype_t */
    uint8_t alignment;      /**< of an input at the caller: its address is a multiple of it; else 0 */
    uint8_t by_rows;        /**< 1: an input for which a run calls config.on_rows; 2: one whose rows are pushed (STREAM);
                                 it is in no memory as a whole. 3: a state, which is no business of the application (STATE) */
} espdl_tensor_t;

/** A tensor in the arena. Row `i` is the `row` bytes at `offset + i * pitch`. */
typedef struct {
    uint32_t offset; /**< of its first row from the start of the arena, bytes */
    uint32_t bytes;  /**< size of all rows, bytes */
    uint32_t row;    /**< size of a row (the last axis), bytes */
    uint32_t pitch;  /**< bytes from one row to the next; more than `row` in a tensor that is part of a wider one */
} espdl_span_t;

/**
 * One step of a run, as the layer hook sees it. Strings are ASCII, at most 80 characters, never NULL.
 *
 * A model has names and outputs of its layers only where it was compiled for profile or taps (CONFIG_ESPDL_PROFILE,
 * CONFIG_ESPDL_TAPS): about 100 bytes of flash a layer. Otherwise the hook gets the index, empty strings and no outputs.
 */
typedef struct {
    const char *name;            /**< the ONNX nodes that this layer computes, or "" */
    const char *op;              /**< operator, such as "conv2d", or "" */
    const char *backend;         /**< who computes it, such as "portable", or "" */
    const espdl_span_t *outputs; /**< `output_count` results, valid when the layer has ended */
    uint16_t output_count;
    uint16_t index; /**< 0 .. layer_count - 1, in the order of execution */
    /** Of a layer that runs in stripes (MEMORY smallest or auto), the hook is called for every part: for rows `row` ..
     * `end_row` - 1 (axis 1 of its output: height, or time) of `rows`, the first part with row 0, the last with end_row equal
     * to rows, and `outputs` are those rows. All 0: the whole layer. */
    uint16_t row, end_row, rows;
} espdl_layer_t;

/** When the layer hook is called. */
typedef enum {
    ESPDL_LAYER_BEGIN = 0, /**< before the layer, or a part of it, runs */
    ESPDL_LAYER_END = 1,   /**< after it ran: its outputs are in the arena until the next one begins */
} espdl_phase_t;

/**
 * Called before and after every layer, or part of one: to measure time, look at results, yield to other tasks, or cancel.
 *
 * @param user   config.user
 * @param layer  the layer; valid during the call
 * @param phase  before or after
 * @return true to go on, false to end the run with ESPDL_CANCELLED
 */
typedef bool (*espdl_on_layer_t)(void *user, const espdl_layer_t *layer, espdl_phase_t phase);

/**
 * Called by a run for some rows of an input (INPUT_MEMORY rows): in order, each row once.
 *
 * @param user   config.rows_user
 * @param input  index of the input
 * @param first  the first row, an index of axis 1 of the input's shape: height, or time
 * @param count  how many; at least 1
 * @param rows   where to write them, one behind the other; what the arena holds there is of no interest
 * @return true if they are there, false to end the run with ESPDL_INPUT_FAILED
 */
typedef bool (*espdl_on_rows_t)(void *user, size_t input, size_t first, size_t count, void *rows);

struct espdl_worker; /* espdl_cores.h */

/** What an instance runs with. All zero is valid for a model that was generated with an arena of its own. */
typedef struct {
    void *arena;               /**< working memory, multiple of ESPDL_ALIGNMENT; NULL: the model's own (ARENA static) */
    size_t arena_size;         /**< bytes at `arena`; at least the model's arena_bytes. Not read where `arena` is NULL */
    const void *weights;       /**< the model's weights at another place, multiple of ESPDL_ALIGNMENT; NULL: as linked */
    espdl_on_layer_t on_layer; /**< NULL: none. Costs two instructions per layer where it is NULL */
    void *user;                /**< handed to on_layer */
    espdl_on_rows_t on_rows;   /**< gives the inputs of a model compiled with INPUT_MEMORY rows; else not called */
    void *rows_user;           /**< handed to on_rows */
    struct espdl_worker *worker; /**< for a model of two cores (espdl_cores.h), started; NULL: the one that all share */
} espdl_config_t;

/** Runs one layer. */
typedef void (*espdl_step_t)(uint8_t *arena, const uint8_t *weights);

/** Forgets what lives on between runs. */
typedef void (*espdl_reset_t)(uint8_t *arena);

typedef struct espdl_region espdl_region_t; /* espdl_stripes.h */
struct espdl_stream;                        /* espdl_stream.h */
struct espdl_states;                        /* espdl_states.h */
struct espdl_turn;                          /* espdl_cores.h */
struct espdl_instance;

/** What two cores do. */
typedef struct {
    espdl_status_t (*init)(struct espdl_instance *self, const espdl_config_t *config); /**< espdl_init_cores */
    const struct espdl_turn *turns;
    uint16_t turn_count;
} espdl_cores_t;

/** Runs the layers of a region. */
typedef espdl_status_t (*espdl_run_region_t)(const struct espdl_instance *self, const espdl_region_t *region);

/** Runs all layers. */
typedef espdl_status_t (*espdl_run_model_t)(const struct espdl_instance *self);

/** A compiled model. Generated code defines one as `<name>_model`; it is constant. */
typedef struct {
    uint32_t magic;                /**< ESPDL_MODEL_MAGIC */
    uint32_t abi_version;          /**< ESPDL_ABI_VERSION */
    const char *name;              /**< the C name it was generated under */
    const char *identity;          /**< names the model, the options and the compiler: equal identity, equal code */
    uint32_t arena_bytes;          /**< working memory, inputs, outputs and scratch included */
    uint32_t state_bytes;          /**< of arena_bytes, at the end: what init prepares and every run needs */
    uint32_t weights_bytes;        /**< size of the weights */
    const uint8_t *weights;        /**< the weights as linked */
    uint8_t *weights_copy;         /**< where init copies the weights (WEIGHTS ram or psram), or NULL */
    uint8_t *arena;                /**< the model's own arena (ARENA static), or NULL */
    espdl_step_t prepare;          /**< what init does for the layers that need it, once per instance, or NULL */
    const espdl_step_t *steps;     /**< `layer_count` functions, in the order of execution */
    const espdl_layer_t *layers;   /**< `layer_count` descriptions, or NULL where generated without */
    const espdl_tensor_t *inputs;  /**< `input_count` tensors, in the model's order */
    const espdl_tensor_t *outputs; /**< `output_count` tensors, in the model's order */
    uint16_t layer_count;
    uint16_t input_count;
    uint16_t output_count;
    uint16_t region_count;
    const espdl_region_t *regions; /**< `region_count` ranges of layers that run stripe by stripe, or NULL */
    espdl_run_model_t run;         /**< espdl_run_cores, where there are two; espdl_run_stream of a stream, espdl_run_states of states;
                                        espdl_run_regions, where there are regions, or inputs at the caller or by rows; else NULL.
                                        A pointer, so that other models do not link it */
    const struct espdl_stream *stream; /**< of a model compiled with STREAM; else NULL */
    const struct espdl_states *states; /**< of a model compiled with STATE; else NULL */
    espdl_reset_t reset;               /**< what init and espdl_reset() do for stream and states, or NULL */
    const espdl_cores_t *cores;        /**< what two cores do, or NULL */
} espdl_model_t;

/** An instance of a model. Its fields are private; it may be copied and needs no release. */
typedef struct espdl_instance {
    const espdl_model_t *model;
    uint8_t *arena;
    const uint8_t *weights;
    espdl_on_layer_t on_layer;
    void *user;
    espdl_on_rows_t on_rows;
    void *rows_user;
    struct espdl_worker *worker;
} espdl_t;

/**
 * Prepare an instance. The arena need not be cleared. Where the model was generated with WEIGHTS ram or psram, the weights
 * are copied there, once for all instances: initialise the first instance before other threads start theirs.
 *
 * @param self    instance to fill; after an error every other function refuses it
 * @param model   model, must outlive the instance
 * @param config  copied; NULL: all defaults
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_BAD_MODEL, ESPDL_ARENA_TOO_SMALL, ESPDL_ARENA_MISALIGNED,
 *         ESPDL_WEIGHTS_MISALIGNED, ESPDL_NO_LAYERS, ESPDL_NO_WORKER
 */
espdl_status_t espdl_init(espdl_t *self, const espdl_model_t *model, const espdl_config_t *config);

/**
 * Compute the outputs from the inputs; those in the arena are destroyed, the addresses of the others forgotten.
 *
 * @param self  instance
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED, ESPDL_CANCELLED, ESPDL_INPUT_FAILED; ESPDL_NO_INPUT before anything
 *         is computed; ESPDL_FILLING (STREAM)
 */
espdl_status_t espdl_run(espdl_t *self);

/**
 * Replace the layer hook of config.on_layer, between two runs. Profile and taps do it for you, and call the hook that was
 * there before, so that all of them can be used together.
 *
 * @param self      instance
 * @param on_layer  NULL: none
 * @param user      handed to on_layer
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED
 */
espdl_status_t espdl_set_hook(espdl_t *self, espdl_on_layer_t on_layer, void *user);

/**
 * Where to write an input before a run.
 *
 * @param self   instance
 * @param index  0 .. input_count - 1
 * @return its memory, or NULL (no such input, one at the caller or given by rows, or not initialised)
 */
void *espdl_input(const espdl_t *self, size_t index);

/**
 * Say where an input at the caller is (INPUT_MEMORY caller), before every run: the address is kept in the arena.
 *
 * @param self   instance
 * @param index  0 .. input_count - 1
 * @param data   its values, which the next run reads and does not change, until it returns; a multiple of the alignment that
 *               espdl_input_info() says. A run may read, not use, up to 15 bytes behind them, in the same 16 bytes as the last
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED, ESPDL_NO_INPUT (no such input, or not one at the caller),
 *         ESPDL_INPUT_MISALIGNED
 */
espdl_status_t espdl_set_input(espdl_t *self, size_t index, const void *data);

/**
 * Give the next `count` rows of an input (STREAM), the oldest first; espdl_run() computes what depends on them. `count` is the
 * model's HOP; `rows` are not used any more when this returns.
 *
 * @return ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED, ESPDL_NO_INPUT (not the input of a stream), ESPDL_BAD_PUSH
 */
espdl_status_t espdl_push(espdl_t *self, size_t index, const void *rows, size_t count);

/** Forget the past of a stream and all states: as after espdl_init(). ESPDL_OK, ESPDL_NULL_ARGUMENT, ESPDL_NOT_INITIALIZED. */
espdl_status_t espdl_reset(espdl_t *self);

/**
 * Where to read an output after a run. It stays until the next run, or until an input is written.
 *
 * @param self   instance
 * @param index  0 .. output_count - 1
 * @return its memory, or NULL (no such output, or not initialised)
 */
const void *espdl_output(const espdl_t *self, size_t index);

/** A value of an output: its place among all of them, such as the number of a class, and what it is worth. */
typedef struct {
    int32_t index; /**< 0 .. number of values - 1 */
    float score;   /**< real value */
} espdl_top_t;

/**
 * The largest values of an output after a run, the largest first; of equal ones the first.
 *
 * @param self   instance
 * @param index  0 .. output_count - 1
 * @param best   `count` of them are written, fewer where the output has fewer values (NaN is none)
 * @param count  how many are wanted
 * @return how many were written; 0 where there is no such output, or the instance is not initialised
 */
size_t espdl_top_output(const espdl_t *self, size_t index, espdl_top_t *best, size_t count);

/** What input `index` of `model` is; NULL if there is none, or `model` is no model. */
const espdl_tensor_t *espdl_input_info(const espdl_model_t *model, size_t index);

/** What output `index` of `model` is; NULL if there is none, or `model` is no model. */
const espdl_tensor_t *espdl_output_info(const espdl_model_t *model, size_t index);

/** Where a run first gave another value than a test vector says. */
typedef struct {
    size_t test;      /**< which test vector */
    size_t output;    /**< which output of the model */
    size_t element;   /**< which value of it, in the order of memory */
    int32_t expected; /**< the stored integer; of a float32 its bits, of types of 8 bytes the lower half */
    int32_t got;
} espdl_difference_t;

/**
 * Run the model on inputs and compare its outputs byte for byte. The generated `<name>_self_test()` does so for all vectors
 * of TEST_VECTORS.
 *
 * @param self     instance
 * @param inputs   as many as the model has, each of its size
 * @param outputs  what they must give, likewise
 * @param first    the first difference, all but `test`; written where the answer is ESPDL_DIFFERENT. May be NULL
 * @return ESPDL_OK (all equal), ESPDL_DIFFERENT, or as espdl_run()
 */
espdl_status_t espdl_run_test(espdl_t *self, const void *const *inputs, const void *const *outputs,
                              espdl_difference_t *first);

/**
 * Print one line with name, identity and sizes of a model: "espdl: digits, identity 91c5813d53507c08, ...". A log that begins
 * with it tells which model was flashed; the report of the build says the same identity.
 */
void espdl_log_identity(const espdl_model_t *model);

/** The name of a status, such as "ESPDL_OK"; "ESPDL_UNKNOWN" for any other number. */
const char *espdl_status_name(espdl_status_t status);

/**
 * A real value as the nearest integer of a quantised tensor (ONNX QuantizeLinear: ties to even, saturated).
 *
 * @param real        value; NaN becomes the zero point
 * @param scale       > 0
 * @param zero_point  min .. max
 * @param min, max    range of the tensor's type, at most -32768 .. 65535
 */
static inline int32_t espdl_quantize(float real, float scale, int32_t zero_point, int32_t min, int32_t max)
{
    float steps = real / scale;
    if (!(steps == steps)) {
        return zero_point;
    }
    if (steps <= (float)(min - zero_point)) {
        return min;
    }
    if (steps >= (float)(max - zero_point)) {
        return max;
    }
    int32_t whole = (int32_t)steps; /* towards zero; exact, because |steps| < 2^17 */
    float rest = steps - (float)whole;
    if (rest > 0.5f || (rest == 0.5f && (whole & 1) != 0)) {
        whole++;
    } else if (rest < -0.5f || (rest == -0.5f && (whole & 1) != 0)) {
        whole--;
    }
    return whole + zero_point;
}

/** The real value of a stored one (ONNX DequantizeLinear). */
static inline float espdl_dequantize(int32_t value, float scale, int32_t zero_point)
{
    return (float)(value - zero_point) * scale;
}

#ifdef __cplusplus
}
#endif
