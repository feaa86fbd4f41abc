/*
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

/** For the parts of an inner loop: they must share its registers. */
#if defined(__GNUC__)
#define ESPDL_INLINE static inline __attribute__((always_inline))
/** For an inner loop that must not share them with what surrounds it. */
#define ESPDL_APART static __attribute__((noinline))
#else
#define ESPDL_INLINE static inline
#define ESPDL_APART static
#endif

/**
 * Makes the compiler compute `value` here. It costs no instruction. Without it GCC regroups sums and moves loads ahead
 * until accumulators no longer fit the registers, which makes the inner loops up to a third slower.
 */
#if defined(__GNUC__)
#define ESPDL_KEEP(value) __asm__ volatile("" : "+r"(value))
/** The same for two values, which are both in registers then. */
#define ESPDL_KEEP_BOTH(a, b) __asm__ volatile("" : "+r"(a), "+r"(b))
#else
#define ESPDL_KEEP(value) ((void)(value))
#define ESPDL_KEEP_BOTH(a, b) ((void)(a), (void)(b))
#endif
