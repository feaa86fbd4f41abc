/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rescale_channels_inline.h"

ESPDL_RESCALE_CHANNELS(espdl_rescale_channels_u8_s16, uint8_t, int16_t)
