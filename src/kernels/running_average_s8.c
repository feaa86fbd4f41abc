/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/kernels/running_average.h"

#include <string.h>

#include "kept_state.h"
#include "requantize_inline.h"

static void add_pixels(int32_t *sums, const int8_t *x, int32_t pixels, int32_t channels)
{
    for (; pixels > 0; pixels--) {
        for (int32_t *sum = sums, *const end = sums + channels; sum != end; sum++) {
            *sum += *x++;
        }
    }
}

/* What comes for what goes, pixel by pixel. */
static void exchange_pixels(int32_t *sums, const int8_t *fresh, const int8_t *old, int32_t pixels, int32_t channels)
{
    for (; pixels > 0; pixels--) {
        for (int32_t *sum = sums, *const end = sums + channels; sum != end; sum++) {
            *sum += *fresh++ - *old++;
        }
    }
}

void espdl_running_average_s8(const espdl_running_average_params_t *p, const int8_t *x, const int32_t *multiplier,
                              const int32_t *shift, int8_t *y, void *state)
{
    const espdl_average_pool2d_params_t *pool = &p->pool;
    const int32_t channels = pool->channels, pixels = pool->input_height * pool->input_width;
    int32_t *sums = espdl_kept_state(state);
    if (espdl_state_begins(state)) {
        memset(sums, 0, (size_t)channels * sizeof(*sums));
        add_pixels(sums, x, pixels, channels);
    } else {
        const int32_t changed = p->hop * pool->input_width;
        exchange_pixels(sums, x + (pixels - changed) * channels, x - changed * channels, changed, channels);
    }
    const int32_t zeros = pixels * pool->input_zero_point;
    for (int32_t i = 0; i < channels; i++) {
        const int32_t scaled = espdl_requantize_tflite(sums[i] - zeros, *multiplier, *shift);
        y[i] = espdl_to_int8(scaled, pool->output_zero_point, pool->activation_min, pool->activation_max);
    }
}
