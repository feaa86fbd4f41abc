/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * Simple recurrent layers: h = f(W x + R h + b), f tanh or max(0, .). Integers and floats as in recurrent_states.h and
 * recurrent_f32.h. With max(0, .), integers of sums and states have one unit, which `output_multiplier` knows.
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/recurrent_f32.h"
#include "espdl/kernels/recurrent_states.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of a layer, where its first state comes from, and its function. */
typedef struct {
    espdl_recurrent_states_params_t states;    /**< its fields for peepholes and cells are not read */
    int32_t relu;                              /**< max(0, .) in place of tanh; h_extra_bits is 0 then */
} espdl_rnn_params_t;

/** Likewise for floats. */
typedef struct {
    espdl_recurrent_f32_params_t states;
    int32_t relu;
} espdl_rnn_f32_params_t;

/**
 * RNN (ONNX RNN, forward).
 *
 * @param p        sizes
 * @param x        [steps][batch][inputs]
 * @param h        [batch][hidden], read where its source is a tensor
 * @param weights  [hidden][inputs + hidden]
 * @param gates    [hidden]
 * @param table    [2][513]: sigmoid and tanh of -8, -8 + 1/32, ..., 8 in 1/32768
 * @param initial  [batch][hidden], as a state is kept; read where the source is a constant
 * @param y        [steps][batch][hidden]; may not overlap an input
 * @param scratch  4 * hidden bytes, aligned to 4
 */
void espdl_rnn_s8(const espdl_rnn_params_t *p, const int8_t *x, const int8_t *h, const int8_t *weights,
                  const espdl_gate_t *gates, const int16_t *table, const int32_t *initial, int8_t *y, void *scratch);

/** RNN with 16-bit tensors. Arguments as above. */
void espdl_rnn_s16(const espdl_rnn_params_t *p, const int16_t *x, const int16_t *h, const int8_t *weights,
                   const espdl_gate_t *gates, const int16_t *table, const int32_t *initial, int16_t *y, void *scratch);

/**
 * RNN in single precision.
 *
 * @param bias     [2][hidden]: of the input's part, of the state's part
 * @param initial  [batch][hidden], read where the source is a constant
 * @param scratch  8 * hidden bytes, aligned to 4
 */
void espdl_rnn_f32(const espdl_rnn_f32_params_t *p, const float *x, const float *h, const float *weights,
                   const float *bias, const float *initial, float *y, void *scratch);

#ifdef __cplusplus
}
#endif
