/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "espdl/esp32/gemm.h"

#include "mac16.h"
#include "scale.h"
#include "widen.h"

ESPDL_INLINE void run_row(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                          const espdl_fast_channel_t *channels, const espdl_clamp_t *clamp, int16_t *y, int32_t relu)
{
    const int32_t depth = (p->input_channels + 3) & ~3;
    const int8_t *w = weights - 4;
    for (const espdl_fast_channel_t *end = channels + p->output_channels; channels != end; channels++, w += depth) {
        channel_scale_t scale = channel_scale(channels);
        const int32_t sum = mac16_dot_bytes(x - 2, w, depth / 4, UPPER_BYTES);
        *y++ = (int16_t)scale_wide_sum((int32_t)((uint32_t)sum + (uint32_t)channels->bias), &scale, clamp, relu);
    }
}

void espdl_mac16_gemm_s16(const espdl_conv2d_s16_params_t *p, const int16_t *x, const int8_t *weights,
                          const espdl_fast_channel_t *channels, int16_t *y, void *scratch)
{
    const espdl_clamp_t clamp = espdl_clamp_of(p->activation_min, p->activation_max, 0, ESPDL_ROUND_HALF_UP);
    const int32_t rows = p->output_height * p->output_width;
    for (int32_t row = 0; row < rows; row++, x += p->input_channels, y += p->output_channels) {
        copy_halves(scratch, x, p->input_channels);
        if (clamp.is_relu) {
            run_row(p, scratch, weights, channels, &clamp, y, 1);
        } else {
            run_row(p, scratch, weights, channels, &clamp, y, 0);
        }
    }
}
