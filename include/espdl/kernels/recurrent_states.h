/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Recurrent layers that are given their first states, give their last ones, run several sequences, or have peepholes or
 * a reset gate before the product; the plain ones are in recurrent.h. Integers of 8 or 16 bits in and out (16: all zero
 * points are 0, and the magnitudes of a row's weights of the input are less than 2^16 together), int8 weights.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/recurrent.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where the states before the first step come from. */
typedef enum {
    ESPDL_STATE_ZERO = 0,
    ESPDL_STATE_CONSTANT = 1,    /**< from the argument `initial` */
    ESPDL_STATE_TENSOR = 2       /**< from the argument `h` or `c` */
} espdl_state_source_t;

/** What `recurrent_params` cannot say. */
typedef struct {
    espdl_recurrent_params_t layer;           /**< its output is the sequence */
    int32_t batch;                            /**< sequences, >= 1 */
    int32_t reset_first;                      /**< GRU: the reset gate scales the state, not the product */
    int32_t peephole_shift;                   /**< 1 to 31; 0: there are no peepholes */
    int32_t h_extra_bits;                     /**< a state is kept in 2^h_extra_bits / 32768; 0 to 8 */
    int32_t h_source, h_zero_point, h_multiplier, h_shift;    /**< espdl_state_source_t; to a state as it is kept */
    int32_t c_source, c_zero_point, c_multiplier, c_shift;    /**< likewise of the cells, to 1/32768 */
    int32_t cells_zero_point, cells_multiplier, cells_shift;  /**< from 1/32768 to the last cells */
} espdl_recurrent_states_params_t;

/**
 * LSTM (ONNX LSTM, forward).
 *
 * @param p          sizes
 * @param x          [steps][batch][inputs]
 * @param h, c       [batch][hidden], read where their source is a tensor
 * @param weights    [4 * hidden][inputs + hidden]: input, output, forget, cell gate
 * @param gates      [4 * hidden]
 * @param table      [2][513]: sigmoid and tanh of -8, -8 + 1/32, ..., 8 in 1/32768
 * @param initial    [2][batch][hidden], h as it is kept, c in 1/32768; read where a source is a constant
 * @param peepholes  [3][hidden]: input, output, forget gate, in 2^-(peephole_shift - 3)
 * @param y          [steps][batch][hidden]; may not overlap an input
 * @param cells      [batch][hidden], those after the last step; may not overlap an input
 * @param scratch    8 * hidden bytes, aligned to 4
 */
void espdl_lstm_states_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h, const int8_t *c,
                          const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                          const int32_t *initial, const int16_t *peepholes, int8_t *y, int8_t *cells, void *scratch);

/** LSTM with 16-bit tensors. Arguments as above. */
void espdl_lstm_states_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h,
                           const int16_t *c, const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                           const int32_t *initial, const int16_t *peepholes, int16_t *y, int16_t *cells, void *scratch);

/**
 * GRU (ONNX GRU, forward).
 *
 * @param p        sizes
 * @param x        [steps][batch][inputs]
 * @param h        [batch][hidden], read where its source is a tensor
 * @param weights  [3 * hidden][inputs + hidden]: update, reset, hidden gate
 * @param gates    [3 * hidden]
 * @param table    [2][513]: sigmoid and tanh of -8, -8 + 1/32, ..., 8 in 1/32768
 * @param initial  [batch][hidden], as a state is kept; read where the source is a constant
 * @param y        [steps][batch][hidden]; may not overlap an input
 * @param scratch  6 * hidden bytes, aligned to 4
 */
void espdl_gru_states_s8(const espdl_recurrent_states_params_t *p, const int8_t *x, const int8_t *h,
                         const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                         const int32_t *initial, int8_t *y, void *scratch);

/** GRU with 16-bit tensors. Arguments as above. */
void espdl_gru_states_s16(const espdl_recurrent_states_params_t *p, const int16_t *x, const int16_t *h,
                          const int8_t *weights, const espdl_gate_t *gates, const int16_t *table,
                          const int32_t *initial, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
