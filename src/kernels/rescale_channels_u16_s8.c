/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rescale_channels_inline.h"

ESPDL_RESCALE_CHANNELS(espdl_rescale_channels_u16_s8, uint16_t, int8_t)
