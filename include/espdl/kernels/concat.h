/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Two to eight parts, each [outer][its bytes]. */
typedef struct {
    int32_t outer;       /**< >= 1 */
    int32_t bytes[8];    /**< of a row of each part; 0: there is no such part */
} espdl_concat_params_t;

/**
 * y = the rows of all parts one behind the other (ONNX Concat); items of any size.
 *
 * @param p       sizes
 * @param a .. h  parts; one that is not there is not read
 * @param y       output, [outer][sum of bytes]; may run into one part, so that a row of it comes to lie where it is or in
 *                front of that, and no row is written over a later one of that part
 */
void espdl_concat(const espdl_concat_params_t *p, const void *a, const void *b, const void *c, const void *d,
                  const void *e, const void *f, const void *g, const void *h, void *y);

#ifdef __cplusplus
}
#endif
