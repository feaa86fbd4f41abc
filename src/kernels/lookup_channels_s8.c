/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/lookup_channels.h"

/* Values `step` apart. */
static void look_up(const int8_t *x, int32_t count, int32_t step, const int8_t *table, int8_t *y)
{
    for (const int8_t *const end = x + count * step; x != end; x += step, y += step) {
        *y = table[(uint8_t)*x ^ 0x80u];
    }
}

void espdl_lookup_channels_s8(const espdl_lookup_channels_params_t *p, const int8_t *x, const int8_t *table, int8_t *y)
{
    if (p->inner == 1) { /* pixels are short and many, so that one channel after the other takes the longer loops */
        for (int32_t channel = 0; channel < p->channels; channel++) {
            look_up(x + channel, p->outer, p->channels, table + 256 * channel, y + channel);
        }
        return;
    }
    for (int32_t outer = 0; outer < p->outer; outer++) {
        for (int32_t channel = 0; channel < p->channels; channel++, x += p->inner, y += p->inner) {
            look_up(x, p->inner, 1, table + 256 * channel, y);
        }
    }
}
