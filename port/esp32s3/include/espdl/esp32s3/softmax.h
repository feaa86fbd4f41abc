/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "espdl/kernels/softmax.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * espdl_softmax_s8() with all but the look-up of exponentials on the vector unit: rows of 16 elements at least. `x` and
 * `y` may begin anywhere.
 *
 * @param scratch  a multiple of 16; as many bytes as python/espdl/backends/esp32s3/softmax.py says
 */
void espdl_s3_softmax_s8(const espdl_softmax_params_t *p, const int8_t *x, const uint32_t *exponentials, int8_t *y,
                         int8_t *scratch);

#ifdef __cplusplus
}
#endif
