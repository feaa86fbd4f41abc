/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Stripes: layers that run a few rows at a time, so that tensors between them need only some rows in memory.
 *
 * For generated code. A stripe runs every call of a region once, for as many rows as its inputs have by then, up to the
 * call's cap. Where no call has a row to compute any more, the region is done. Row `r` of a tensor that is kept in part is
 * at place + (r - first fresh row) * row; older rows that are still needed lie in front of the fresh ones. They come there
 * before the tensor's first reader runs, and are put aside before its last one does, which may write over them.
 */
#pragma once

#include "espdl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most inputs of a call that it reads rows of. */
#define ESPDL_STRIPE_INPUTS 8

/** What a call computes in one stripe. */
typedef struct {
    int32_t rows, start;                     /**< of the output: how many, from which on */
    int32_t input_rows, input_start, above;  /**< of the first input with rows: how many, from which on; rows that lie in
                                                  the border above, times the reach's divisor */
    const void *inputs[ESPDL_STRIPE_INPUTS]; /**< at the first row that is read */
    void *output;                            /**< at row `start` */
    int32_t core;                            /**< whose scratch it takes: 0, or 1 for the other one's (espdl_cores.h) */
} espdl_stripe_t;

/** Runs one layer for some rows. */
typedef void (*espdl_stripe_step_t)(uint8_t *arena, const uint8_t *weights, const espdl_stripe_t *stripe);

/** Where the rows of a tensor are. */
typedef enum {
    ESPDL_ROWS_ALL = 0, /**< in memory, row 0 at `place` */
    ESPDL_ROWS_FRESH,   /**< those of the stripe at `place`; no others are needed */
    ESPDL_ROWS_ASIDE,   /**< older ones wait at `aside` */
    ESPDL_ROWS_MOVE,    /**< older ones wait in front of the fresh ones */
    ESPDL_ROWS_CALLER,  /**< in the application's memory, row 0 where the input at `place` says */
    ESPDL_ROWS_ASKED,   /**< in no memory: the layer that reads them asks config.on_rows for rows of input `place` */
} espdl_rows_kind_t;

/** A tensor that a region reads or writes rows of. */
typedef struct {
    uint32_t place, aside; /**< offsets in the arena */
    uint32_t row;          /**< bytes */
    uint16_t rows;         /**< all of them */
    uint8_t kind;          /**< an espdl_rows_kind_t */
    uint8_t is_input;      /**< complete when the region begins */
} espdl_rows_t;

/** Output row o is made of the tensor's rows (step * o + first) / divisor .. (step * o + last) / divisor. */
typedef struct {
    uint16_t tensor;
    int16_t step, first, last, divisor;
    uint8_t is_first, is_last; /**< whether no other call reads the tensor before, or afterwards, in a stripe */
} espdl_reach_t;

/** A layer of a region. */
typedef struct {
    espdl_stripe_step_t step; /**< NULL: the application writes the rows */
    const espdl_reach_t *inputs;
    uint16_t output, cap; /**< tensor; most rows in a stripe */
    uint8_t input_count;
    uint8_t is_shared; /**< two cores compute half of the rows each, if there are two */
} espdl_striped_layer_t;

/** Runs a layer for some rows, `second` on the other core. */
typedef void (*espdl_share_rows_t)(const struct espdl_instance *self, espdl_stripe_step_t step, const espdl_stripe_t *first,
                                   const espdl_stripe_t *second);

/** Copies rows, as espdl_copy_words(). */
typedef void (*espdl_copy_rows_t)(void *to, const void *from, size_t bytes);

/** Layers `first` .. `stop` - 1 of a model. */
struct espdl_region {
    espdl_run_region_t run; /**< espdl_run_stripes; a pointer, so that models without regions do not link it */
    espdl_copy_rows_t copy; /**< espdl_copy_words, or what a chip has for places and sizes that are multiples of 16 */
    const espdl_rows_t *tensors;
    const espdl_striped_layer_t *layers;
    uint32_t state;         /**< offset in the arena of 8 bytes for each tensor */
    uint16_t first, stop, tensor_count;
    espdl_share_rows_t share; /**< espdl_share_rows (espdl_cores.h), or NULL: no layer is shared */
};

/** Run a model with inputs that the application has, or with regions. ESPDL_OK, ESPDL_NO_INPUT, or what a region or the hook ends with. */
espdl_status_t espdl_run_regions(const espdl_t *self);

/** Run a region from its begin to its end. ESPDL_OK, ESPDL_CANCELLED or ESPDL_INPUT_FAILED. */
espdl_status_t espdl_run_stripes(const espdl_t *self, const espdl_region_t *region);

/** memcpy() of whole words where both places allow it, for small pieces; `to` may overlap what lies behind it. */
void espdl_copy_words(void *to, const void *from, size_t bytes);

#ifdef __cplusplus
}
#endif
