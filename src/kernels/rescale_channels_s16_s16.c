/*
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rescale_channels_inline.h"

ESPDL_RESCALE_CHANNELS(espdl_rescale_channels_s16_s16, int16_t, int16_t)
