/*
 * SPDX-License-Identifier: Apache-2.0
 */
/* ESP-DL's pooling in portable C. */
#include "espdl/esp_dl/max_pool2d.h"

#include "dl_state.h"

void espdl_dl_max_pool2d_s8_prepare(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state)
{
    (void)p, (void)x, (void)y;
    dl_state_prepare(state, ESPDL_DL_MAX_POOL2D_STATE);
}

void espdl_dl_max_pool2d_s8(const espdl_max_pool2d_params_t *p, const int8_t *x, int8_t *y, void *state)
{
    dl_state_check(state, ESPDL_DL_MAX_POOL2D_STATE);
    espdl_max_pool2d_s8(p, x, y);
}
