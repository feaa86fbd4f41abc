/*
 * SPDX-License-Identifier: Apache-2.0
 */
/**
 * @file
 * What the emulated vector unit counts. Only where the kernels run on another machine than the ESP32-S3.
 */
#pragma once

#include <stdint.h>

/** For who watches which addresses vectors are loaded from. */
#if !defined(ESPDL_PIE_WATCH_LOAD)
#define ESPDL_PIE_WATCH_LOAD(p) (void)(p)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** What the calling thread did since it started. */
typedef struct {
    uint64_t operations; /**< EE.* instructions executed; scalar instructions and hardware loops are not in it */
    uint64_t misaligned; /**< loads and stores whose address the unit rounded down; the kernels mean none of them */
} espdl_pie_counters_t;

espdl_pie_counters_t espdl_pie_counters(void);

#ifdef __cplusplus
}
#endif
