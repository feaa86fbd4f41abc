/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "dot_1x8_s8.h"

#include "dot_1x8_inline.h"

void espdl_dot_1x8_s8(const espdl_dot_t *p, const int8_t *pixel, const int8_t *weights,
                      const espdl_fast_channel_t *channels, int8_t *y)
{
    espdl_dot_1x8(p, pixel, weights, channels, y, 2);
}
