/*
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, pthread_sigmask */

#include "cores_port.h"

#ifdef ESP_PLATFORM
#include "sdkconfig.h"
#endif

/* Whoever compiles with ESPDL_CORES_NONE has one core only. ESPDL_CORES_FREERTOS takes FreeRTOS where it would not be
 * taken. */
#if defined(ESPDL_CORES_NONE)
#include "cores_none.h"
#elif defined(ESPDL_CORES_FREERTOS) || (defined(ESP_PLATFORM) && !defined(CONFIG_IDF_TARGET_LINUX))
#include "cores_freertos.h"
#elif defined(__unix__) || defined(__APPLE__)
#include "cores_pthread.h"
#else
#include "cores_none.h"
#endif
