/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of a conversion between int8 and uint8. */
typedef struct {
    int32_t count;    /**< elements; >= 1 */
} espdl_flip_sign_params_t;

/**
 * Between uint8 and int8 with the zero point moved by 128: every byte with its highest bit inverted.
 *
 * @param p      size
 * @param x      `count` bytes; may be `y` itself (in place), no other overlap
 * @param y      `count` bytes
 */
void espdl_flip_sign_8(const espdl_flip_sign_params_t *p, const void *x, void *y);

#ifdef __cplusplus
}
#endif
