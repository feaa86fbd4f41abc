/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * From int32 accumulators to int8, the arithmetic that every integer kernel shares.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How requantisation rounds. */
typedef enum {
    ESPDL_ROUND_TFLITE = 0,    /**< multiplier and shift, rounded twice, as TensorFlow Lite's reference kernels do */
    ESPDL_ROUND_HALF_UP = 1,   /**< one shift, ties towards plus infinity; the multiplier is not used */
    ESPDL_ROUND_HALF_EVEN = 2, /**< one shift, ties to even; the multiplier is not used */
} espdl_rounding_t;

/** Bias and scale of one output channel: y = requantize(acc + bias). */
typedef struct {
    int32_t bias;       /**< in units of input scale * weights scale */
    int32_t multiplier; /**< 0 or 2^30 .. 2^31-1: the ratio's mantissa in Q31 */
    int32_t shift;      /**< -30 .. 31: right shift after the multiplication; negative: left shift before it */
} espdl_channel_t;

/**
 * Bias and scale of one output channel in the form that costs least:
 * y = ((high 32 bits of 4 * (acc + bias) * multiplier) + offset) >> shift, with one correction for negative sums under
 * ESPDL_ROUND_TFLITE. It equals the definition where |acc + bias| < 2^29, the ratio is below 1/2 (TFLITE) or at most 1
 * (HALF_UP), no step leaves int32 and the activation can give 0; the compiler checks that before it chooses a kernel that takes this record.
 */
typedef struct {
    int32_t bias;       /**< with the input's zero point folded in: bias - zero point * sum of the weights */
    int32_t multiplier; /**< 2^30 .. 2^31-1, the ratio's mantissa in Q31; HALF_UP: 2^30 */
    int32_t offset;     /**< what rounds, and the output's zero point, in units of 2^-shift */
    int32_t shift;      /**< 0 .. 31 */
} espdl_fast_channel_t;

#ifdef __cplusplus
}
#endif
