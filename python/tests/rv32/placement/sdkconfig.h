/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* Of a project that keeps variables in PSRAM, unless the compiler's command line says otherwise. */
#pragma once

#ifndef WITHOUT_PSRAM
#define CONFIG_SPIRAM_ALLOW_BSS_SEG_EXTERNAL_MEMORY 1
#endif
