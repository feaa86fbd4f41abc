/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/esp32s3/conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Transposed convolution, strides between its outputs and pads as espdl_conv_transpose2d_s8() has them; input channels a
 * multiple of 16, one group, dilations of 1, `pixels` 1; `parts`. Where the input's zero point is not 0, all taps of every
 * output lie in the image. Tensors, weights and biases as for espdl_s3_conv2d_aligned_s8(), one after the other for each
 * remainder of a tap's row, then of its column, by the strides; taps in reverse order.
 *
 * @param scratch  16 * outputs bytes where output_channels is no multiple of 16, outputs being output_width / stride_width
 *                 rounded up, at most ESPDL_S3_WAITING_WINDOWS; behind them, with parts, 128 + 20 * (kernel_height +
 *                 parts - 1)
 */
void espdl_s3_conv_transpose2d_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                  const int8_t *biases, int8_t *y, int8_t *scratch);

/**
 * The same of any number of input channels; `x` may be at any address.
 *
 * @param scratch  as above, always with what parts take
 */
void espdl_s3_conv_transpose2d_bytes_s8(const espdl_s3_conv2d_params_t *p, const int8_t *x, const int8_t *weights,
                                        const int8_t *biases, int8_t *y, int8_t *scratch);

#ifdef __cplusplus
}
#endif
