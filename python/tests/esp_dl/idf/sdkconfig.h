/*
 * SPDX-License-Identifier: CC0-1.0
 */
/* What menuconfig writes: here the chip comes from the command line, -DCONFIG_IDF_TARGET_ESP32P4=1 or none. */
#pragma once
