/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/lookup_channels.h"

#include "look_up.h"

void espdl_lookup_channels_s8(const espdl_lookup_channels_params_t *p, const int8_t *x, const int8_t *table, int8_t *y)
{
    const uint8_t *from = (const uint8_t *)x;
    if (p->inner == 1) { /* pixels are short and many, so that one channel after the other takes the longer loops */
        for (int32_t channel = 0; channel < p->channels; channel++) {
            espdl_look_up(from + channel, table + 256 * channel, y + channel, p->outer, p->channels);
        }
        return;
    }
    for (int32_t outer = 0; outer < p->outer; outer++) {
        for (int32_t channel = 0; channel < p->channels; channel++, from += p->inner, y += p->inner) {
            espdl_look_up(from, table + 256 * channel, y, p->inner, 1);
        }
    }
}
