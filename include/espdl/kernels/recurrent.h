/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Recurrent layers over a whole sequence: int8 in and out, int8 weights, states and gates of 16 bits in 1/32768, sums
 * of gates in 1/4096. In each row of the weights, the magnitudes of those of the input are less than 2^31 / 255 together,
 * those of the state less than 2^16.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a layer, and how its states become int8. */
typedef struct {
    int32_t steps, inputs, hidden;    /**< >= 1; steps <= 32768 */
    int32_t input_zero_point, output_zero_point;
    int32_t output_multiplier, output_shift;    /**< TensorFlow Lite's requantisation of a state */
} espdl_recurrent_params_t;

/** Biases and scales of one row of the weights. */
typedef struct {
    int32_t input_bias, state_bias;               /**< in 1/4096, from -2^28 to 2^28 */
    int32_t input_multiplier, input_shift;        /**< TensorFlow Lite's requantisation of the input's part to 1/4096 */
    int32_t state_multiplier, state_shift;        /**< likewise of the state's part */
} espdl_gate_t;

/**
 * LSTM (ONNX LSTM, forward, batch 1). The state before the first step is zero.
 *
 * @param p        sizes
 * @param x        [steps][inputs]
 * @param weights  [4 * hidden][inputs + hidden]: input, output, forget, cell gate
 * @param gates    [4 * hidden]
 * @param table    [2][513]: sigmoid and tanh of -8, -8 + 1/32, ..., 8 in 1/32768
 * @param y        [steps][hidden]; may not overlap `x`
 * @param scratch  8 * hidden bytes, aligned to 4
 */
void espdl_lstm_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights, const espdl_gate_t *gates,
                   const int16_t *table, int8_t *y, void *scratch);

/**
 * GRU (ONNX GRU, forward, batch 1, linear_before_reset). The state before the first step is zero.
 *
 * @param p        sizes
 * @param x        [steps][inputs]
 * @param weights  [3 * hidden][inputs + hidden]: update, reset, hidden gate
 * @param gates    [3 * hidden]
 * @param table    [2][513]: sigmoid and tanh of -8, -8 + 1/32, ..., 8 in 1/32768
 * @param y        [steps][hidden]; may not overlap `x`
 * @param scratch  4 * hidden bytes, aligned to 4
 */
void espdl_gru_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights, const espdl_gate_t *gates,
                  const int16_t *table, int8_t *y, void *scratch);

/**
 * The next steps of an LSTM, as espdl_lstm_s8(): the state before them is that behind the last ones.
 *
 * @param state  16 + 8 * hidden bytes, aligned to 4, left alone between calls; its first word is 0 before the first steps
 */
void espdl_lstm_steps_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_gate_t *gates, const int16_t *table, int8_t *y, void *state);

/**
 * The next steps of a GRU, as espdl_gru_s8(): the state before them is that behind the last ones.
 *
 * @param state  16 + 4 * hidden bytes, aligned to 4, left alone between calls; its first word is 0 before the first steps
 */
void espdl_gru_steps_s8(const espdl_recurrent_params_t *p, const int8_t *x, const int8_t *weights,
                        const espdl_gate_t *gates, const int16_t *table, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
