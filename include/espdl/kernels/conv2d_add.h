/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/kernels/add.h"
#include "espdl/kernels/conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A convolution and the sum behind it. */
typedef struct {
    espdl_conv2d_params_t conv;
    espdl_add_params_t add; /**< a is the convolution's result; `count` is one row: output_width * output_channels */
} espdl_conv2d_add_params_t;

/**
 * y = conv(x) + residual, with the bytes of espdl_conv2d_3x8_s8() followed by espdl_add_s8() (ONNX Conv, Add, int8).
 *
 * @param p         shape and arithmetic
 * @param x         input of the convolution, NHWC
 * @param residual  as `y`, NHWC; may be `y` itself (in place)
 * @param weights   as espdl_conv2d_3x8_s8() takes them
 * @param channels  as espdl_conv2d_3x8_s8() takes them
 * @param y         NHWC [output_height][output_width][output_channels]; may not overlap `x`
 * @param scratch   p->add.count bytes, rounded up to a multiple of 4, then what espdl_conv2d_3x8_s8() takes; 4-byte aligned
 */
void espdl_conv2d_3x8_add_s8(const espdl_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                             const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y, void *scratch);

/** The same with espdl_add_shift_s8(). */
void espdl_conv2d_3x8_add_shift_s8(const espdl_conv2d_add_params_t *p, const int8_t *x, const int8_t *residual,
                                   const int8_t *weights, const espdl_fast_channel_t *channels, int8_t *y,
                                   void *scratch);

#ifdef __cplusplus
}
#endif
