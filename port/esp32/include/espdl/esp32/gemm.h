/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/conv2d_s16.h"
#include "espdl/kernels/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most inputs of a row: sums of 40 bits hold as many pairs. */
#define ESPDL_MAC16_GEMM_INPUTS 32768

/**
 * Product of a few rows with constant weights (ONNX Gemm, MatMul, int8), a row at a time. Weights stay packed in bytes.
 *
 * @param p         shape and arithmetic; at most ESPDL_MAC16_GEMM_INPUTS inputs, rounding TFLITE or HALF_UP
 * @param x         [rows][inputs], rows input_pitch bytes apart
 * @param weights   bytes [outputs][depth] at a multiple of 4, then 4 that are read; depth is `inputs` rounded up to a multiple
 *                  of 8. Packed as python/espdl/backends/esp32/packing.py does it
 * @param channels  `outputs` records, as python/espdl/backends/esp32/packing.py makes them
 * @param y         [rows][outputs], rows output_pitch bytes apart; with one row it may be anywhere in `x`
 * @param scratch   at a multiple of 4: 2 * depth + 4 bytes
 */
void espdl_mac16_gemm_s8(const espdl_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                         const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/**
 * The same of int16 rows: the pixels of a 1 x 1 convolution with strides of 1. No sum with its bias leaves 32 bits.
 *
 * @param p         shape and arithmetic of the convolution
 * @param x         [output_height * output_width][input_channels]
 * @param weights   bytes [output_channels][depth] at a multiple of 4, then 4 that are read; depth is input_channels rounded up
 *                  to a multiple of 4 with zeros. Of each four weights 0, 2, 1, 3
 * @param channels  records as espdl_mac16_conv2d_s16() takes them
 * @param y         [output_height * output_width][output_channels]; with one row it may be anywhere in `x`
 * @param scratch   at a multiple of 4: 2 * depth + 4 bytes
 */
void espdl_mac16_gemm_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                          const espdl_fast_channel_t *channels, int16_t *y, void *scratch);

#ifdef __cplusplus
}
#endif
