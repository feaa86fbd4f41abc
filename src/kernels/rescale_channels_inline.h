/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * A factor and an offset for every channel, for all types of inputs.
 */
#pragma once

#include "espdl/kernels/rescale_channels.h"

/* 17 bits times 2^14 are 31, as are 9 times 2^22: the high word of the product holds all bits that count. */
#define ESPDL_RESCALE_LEAD(input_t) (sizeof(input_t) == 1 ? 22 : 14)

#define ESPDL_RESCALE_CHANNELS(name, input_t, output_t)                                                                \
    void name(const espdl_rescale_channels_params_t *p, const input_t *x, const int32_t *multipliers,                  \
              const int32_t *addends, output_t *y)                                                                     \
    {                                                                                                                  \
        const int32_t low = p->activation_min, high = p->activation_max, shift = p->shift;                             \
        for (int32_t outer = 0; outer < p->outer; outer++) {                                                           \
            for (int32_t channel = 0; channel < p->channels; channel++) {                                              \
                const int32_t multiplier = multipliers[channel], addend = addends[channel];                            \
                for (int32_t i = 0; i < p->inner; i++) {                                                               \
                    const int64_t product = (int64_t)(*x++ * (1 << ESPDL_RESCALE_LEAD(input_t))) * multiplier;         \
                    const int32_t value = ((int32_t)(product >> 32) + addend) >> shift;                                \
                    *y++ = (output_t)(value < low ? low : value > high ? high : value);                                \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }
