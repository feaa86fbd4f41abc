/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Recurrent layers in single precision. Sigmoid and tanh are computed here, so that all C libraries give one result.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/recurrent_states.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a layer, and where its first states come from. */
typedef struct {
    int32_t steps, batch, inputs, hidden;    /**< >= 1 */
    int32_t reset_first;                     /**< GRU: the reset gate scales the state, not the product */
    int32_t has_peepholes;                   /**< LSTM */
    int32_t h_source, c_source;              /**< espdl_state_source_t */
} espdl_recurrent_f32_params_t;

/**
 * LSTM (ONNX LSTM, forward).
 *
 * @param p          sizes
 * @param x          [steps][batch][inputs]
 * @param h, c       [batch][hidden], read where their source is a tensor
 * @param weights    [4 * hidden][inputs + hidden]: input, output, forget, cell gate
 * @param bias       [2][4 * hidden]: of the input's part, of the state's part
 * @param initial    [2][batch][hidden], read where a source is a constant
 * @param peepholes  [3][hidden]: input, output, forget gate
 * @param y          [steps][batch][hidden]; may not overlap an input
 * @param cells      [batch][hidden], those after the last step; may not overlap an input
 * @param scratch    12 * hidden bytes, aligned to 4
 */
void espdl_lstm_f32(const espdl_recurrent_f32_params_t *p, const float *x, const float *h, const float *c,
                    const float *weights, const float *bias, const float *initial, const float *peepholes, float *y,
                    float *cells, void *scratch);

/**
 * GRU (ONNX GRU, forward).
 *
 * @param p        sizes
 * @param x        [steps][batch][inputs]
 * @param h        [batch][hidden], read where its source is a tensor
 * @param weights  [3 * hidden][inputs + hidden]: update, reset, hidden gate
 * @param bias     [2][3 * hidden]: of the input's part, of the state's part
 * @param initial  [batch][hidden], read where the source is a constant
 * @param y        [steps][batch][hidden]; may not overlap an input
 * @param scratch  12 * hidden bytes, aligned to 4
 */
void espdl_gru_f32(const espdl_recurrent_f32_params_t *p, const float *x, const float *h, const float *weights,
                   const float *bias, const float *initial, float *y, void *scratch);

#ifdef __cplusplus
}
#endif
