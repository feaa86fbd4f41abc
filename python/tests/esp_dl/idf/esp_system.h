/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include "esp_heap_caps.h"

typedef int esp_err_t;

#define ESP_OK 0
#define ESP_FAIL (-1)
