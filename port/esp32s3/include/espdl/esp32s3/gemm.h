/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "espdl/esp32s3/narrow.h"
#include "espdl/kernels/requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Shape and arithmetic of a matrix product; see espdl_s3_conv2d_params_t. */
typedef struct {
    int32_t rows;    /**< input vectors; >= 1 */
    int32_t inputs;  /**< length of an input vector */
    int32_t outputs; /**< length of an output vector */
    int32_t input_zero_point, output_zero_point;
    int32_t activation_min, activation_max;
    espdl_rounding_t rounding;
    int32_t shift;
    int32_t parts; /**< see espdl_s3_conv2d_params_t */
    int32_t groups_outside; /**< not 0: all rows for 16 outputs before the next ones, so that weights are read once */
} espdl_s3_gemm_params_t;

/*
 * y [rows][outputs] = x [rows][inputs] times weights: 1 x 1 convolutions over a row of pixels. What conv2d.h says of
 * the kernel of the same name holds, for `scratch` too.
 */

/** inputs a multiple of 16: vectors of outputs that begin at multiples of 16; and the general case. */
extern void espdl_s3_gemm_vectors_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                              const int8_t *biases, int8_t *y, int8_t *scratch);
extern void espdl_s3_gemm_pixels_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                             const int8_t *biases, int8_t *y, int8_t *scratch);

/** inputs a multiple of 16. */
ESPDL_S3_INLINE void espdl_s3_gemm_aligned_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                                              const int8_t *biases, int8_t *y, int8_t *scratch)
{
    if (p->rows > 1 && (p->outputs % 16 != 0 || p->groups_outside != 0)) {
        espdl_s3_gemm_pixels_s8(p, x, weights, biases, y, scratch);
    } else {
        espdl_s3_gemm_vectors_s8(p, x, weights, biases, y, scratch);
    }
}

/** inputs at most 16: of one input vector; and of several, by the code that those take. */
extern void espdl_s3_gemm_vector_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                                    const int8_t *biases, int8_t *y);
extern void espdl_s3_gemm_by_rows_s8(espdl_s3_narrow_rows_t *rows, const espdl_s3_gemm_params_t *p, const int8_t *x,
                              const int8_t *weights, const int8_t *biases, int8_t *y, int8_t *scratch);

/** inputs at most 16. */
ESPDL_S3_INLINE void espdl_s3_gemm_narrow_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                                             const int8_t *biases, int8_t *y, int8_t *scratch)
{
    if (p->rows > 1) {
        espdl_s3_gemm_by_rows_s8(espdl_s3_narrow_rows(p->inputs), p, x, weights, biases, y, scratch);
    } else {
        espdl_s3_gemm_vector_s8(p, x, weights, biases, y);
    }
}

/** Any number of inputs. */
void espdl_s3_gemm_bytes_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                            const int8_t *biases, int8_t *y, int8_t *scratch);

/** Any number of inputs, in 40 bits. */
void espdl_s3_gemm_wide_s8(const espdl_s3_gemm_params_t *p, const int8_t *x, const int8_t *weights,
                           const int8_t *biases, int8_t *y);

#ifdef __cplusplus
}
#endif
