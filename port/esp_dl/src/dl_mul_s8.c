/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* ESP-DL's product in portable C. */
#include "espdl/esp_dl/mul.h"

#include "dl_state.h"

void espdl_dl_mul_s8_prepare(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    (void)p, (void)a, (void)b, (void)y;
    dl_state_prepare(state, ESPDL_DL_MUL_STATE);
}

void espdl_dl_mul_s8(const espdl_mul_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    dl_state_check(state, ESPDL_DL_MUL_STATE);
    espdl_mul_s8(p, a, b, y);
}
