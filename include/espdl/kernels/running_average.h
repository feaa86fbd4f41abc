/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/average_pool2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A mean over all pixels of an image of which `hop` rows are new in every call. */
typedef struct {
    espdl_average_pool2d_params_t pool; /**< one window, all of the input, without a border; pixels without a gap */
    int32_t hop;                        /**< > 0 */
} espdl_running_average_params_t;

/**
 * As espdl_average_pool2d_s8(), of an image that has lost its first `hop` rows since the last call, and won as many: their
 * sum is kept, so that only those rows are read.
 *
 * @param p           shape and arithmetic
 * @param x           NHWC [input_height][input_width][channels]; the `hop` rows in front of it are those that were lost
 * @param multiplier  mantissa of input scale / (output scale * pixels)
 * @param shift       its right shift
 * @param y           [channels]
 * @param state       16 + 4 * channels bytes, aligned to 4, left alone between calls; its first word is 0 before the first
 */
void espdl_running_average_s8(const espdl_running_average_params_t *p, const int8_t *x, const int32_t *multiplier,
                              const int32_t *shift, int8_t *y, void *state);

#ifdef __cplusplus
}
#endif
