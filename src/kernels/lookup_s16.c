/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/lookup_s16.h"

#define BLOCK_BITS 9
#define SHIFT_BITS 4

void espdl_lookup_s16(const espdl_lookup_s16_params_t *p, const int16_t *x, const uint16_t *blocks,
                      const int16_t *table, int16_t *y)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t place = x[i] + 32768;
        const int32_t block = blocks[place >> BLOCK_BITS];
        const int32_t shift = block & ((1 << SHIFT_BITS) - 1);
        const int32_t inside = place & ((1 << BLOCK_BITS) - 1);
        const int16_t *entry = table + (block >> SHIFT_BITS) + (inside >> shift);
        /* At most 2^16 times 2^9. Right shifts of negative numbers are arithmetic. */
        const int32_t rise = (entry[1] - entry[0]) * (inside & ((1 << shift) - 1));
        y[i] = (int16_t)(entry[0] + ((rise + ((1 << shift) >> 1)) >> shift));
    }
}
