/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "layer_norm.h"

#include "requantize_inline.h"

static void normalize(const espdl_layer_norm_params_t *p, const int8_t *x, const int16_t *gamma, const int16_t *beta,
                      int8_t *y)
{
    int32_t sum = 0, squares = 0;
    for (int32_t i = 0; i < p->length; i++) {
        const int32_t value = x[i];
        sum += value;
        squares += value * value;
    }
    const espdl_norm_line_t line = espdl_norm_line(p, sum, squares);
    const int32_t beta_factor = 1 << p->beta_shift, shift = p->output_shift;
    for (int32_t i = 0; i < p->length; i++) {
        const int32_t unit = (x[i] * line.step + line.start) >> line.shift;
        y[i] = (int8_t)espdl_clamp((unit * gamma[i] + beta[i] * beta_factor) >> shift, INT8_MIN, INT8_MAX);
    }
}

void espdl_layer_norm_s8(const espdl_layer_norm_params_t *p, const int8_t *x, const int16_t *gamma, const int16_t *beta,
                         int8_t *y)
{
    for (int32_t i = 0; i < p->rows; i++) {
        normalize(p, x + i * p->length, gamma, beta, y + i * p->length);
    }
}
