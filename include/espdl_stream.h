/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Streams: networks that get a few new rows of an input at a time, and compute only what depends on them (STREAM).
 *
 * Generated code wraps these functions as `<name>_push_<input>()` and `<name>_reset()`. The arena's last `state_bytes` hold
 * the rows that are still needed: they must be left alone between runs.
 */
#pragma once

#include "espdl.h"
#include "espdl_stripes.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A tensor of a stream. In memory are the last `keeps` of its rows, one behind the other; row r of `end` is at
 * place + (keeps - (end - r)) * row. With edges of the window `end` is `rows`, else n * step + behind after n pushes.
 */
typedef struct {
    uint32_t place; /**< offset in the arena */
    uint32_t row;   /**< bytes */
    int32_t rows;   /**< of the window */
    int32_t keeps;
    int32_t step;   /**< rows that a push adds */
    int32_t behind; /**< of the endless stream */
    bool persists;  /**< it keeps rows from one push to the next */
} espdl_stream_rows_t;

/** Of a layer that reads rows where they are. */
#define ESPDL_NOT_STAGED UINT32_MAX

/** A layer of a stream. With edges of the window it computes rows `top` .. `top_stop` - 1, and `tail` .. the last one. */
typedef struct {
    espdl_stripe_step_t step;
    const espdl_reach_t *inputs;
    uint16_t output; /**< tensor */
    uint16_t input_count;
    int32_t top, top_stop, tail;
    uint32_t staged; /**< offset in the arena to which the rows of its only input are copied first, for a kernel that wants
                          them aligned; else ESPDL_NOT_STAGED */
} espdl_stream_layer_t;

/** The part of a model that computes new rows only. */
struct espdl_stream {
    const espdl_stream_rows_t *tensors; /**< the first one is the input */
    const espdl_stream_layer_t *layers;
    const uint32_t *states; /**< offsets in the arena of what layers keep: a word that is 0 in a stream that begins, and more */
    uint32_t state;     /**< offset in the arena of an espdl_stream_state_t */
    uint32_t hop;       /**< rows of a push */
    uint32_t fills;     /**< pushes until the outputs are there */
    uint32_t settles;   /**< from this push on, each does the same; at least `fills` */
    uint16_t first;     /**< layer of the model */
    uint16_t count;     /**< of layers */
    uint16_t input;     /**< index of the input */
    uint16_t tensor_count;
    uint16_t state_count;
    bool is_endless;    /**< EDGES stream */
};

/** What lives on between runs, besides rows. */
typedef struct {
    uint32_t pushes;     /**< at most `settles`: an endless stream cannot overflow it */
    uint32_t is_waiting; /**< rows were pushed and no run has taken them */
} espdl_stream_state_t;

/** Begin anew: the next push brings the first rows. Called by init. */
void espdl_stream_reset(uint8_t *arena, const struct espdl_stream *stream);

/** Compute what depends on the rows that were pushed. ESPDL_OK, ESPDL_NO_INPUT, ESPDL_FILLING or ESPDL_CANCELLED. */
espdl_status_t espdl_run_stream(const espdl_t *self);

#ifdef __cplusplus
}
#endif
