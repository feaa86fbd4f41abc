/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* ESP-DL's sum in portable C. */
#include "espdl/esp_dl/add.h"

#include "dl_state.h"

void espdl_dl_add_s8_prepare(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    (void)p, (void)a, (void)b, (void)y;
    dl_state_prepare(state, ESPDL_DL_ADD_STATE);
}

void espdl_dl_add_s8(const espdl_add_params_t *p, const int8_t *a, const int8_t *b, int8_t *y, void *state)
{
    dl_state_check(state, ESPDL_DL_ADD_STATE);
    espdl_add_shift_s8(p, a, b, y);
}
