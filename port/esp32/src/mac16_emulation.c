/*
 * SPDX-License-Identifier: Apache-2.0
 */
#if defined(__XTENSA__)

typedef int espdl_mac16_is_hardware; /* a C file may not be empty */

#else

#include "espdl/esp32/emulation.h"

_Thread_local uint64_t espdl_mac16_misaligned;

#endif
