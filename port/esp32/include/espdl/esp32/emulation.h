/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the emulated MAC16 notices. Only where the kernels run on another machine than the ESP32.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Loads of the calling thread, since it started, from addresses that are no multiples of 4; the chip faults there. */
extern _Thread_local uint64_t espdl_mac16_misaligned;

#ifdef __cplusplus
}
#endif
