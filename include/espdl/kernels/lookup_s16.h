/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of an elementwise function of int16. */
typedef struct {
    int32_t count;    /**< elements; >= 1 */
} espdl_lookup_s16_params_t;

/**
 * Any elementwise function of one int16 tensor: straight lines between the entries of a table.
 *
 * The inputs -32768 .. 32767 are 128 blocks of 512. A block is cut into pieces of 2^shift inputs, each with its function
 * value at the begin in `table`; the entry behind it is that of the next piece.
 *
 * @param p       size
 * @param x       [count]; may be `y` itself (in place), no other overlap
 * @param blocks  128 values: index of the block's first entry << 4 | shift, 0 <= shift <= 9
 * @param table   2 to 4,096 entries
 * @param y       [count]
 */
void espdl_lookup_s16(const espdl_lookup_s16_params_t *p, const int16_t *x, const uint16_t *blocks,
                      const int16_t *table, int16_t *y);

#ifdef __cplusplus
}
#endif
