/*
 * SPDX-License-Identifier: CC0-1.0
 */
#pragma once

#include <stdio.h>

#define ESP_LOG(level, tag, format, ...) fprintf(stderr, level " %s: " format "\n", tag __VA_OPT__(, ) __VA_ARGS__)
#define ESP_LOGE(tag, ...) ESP_LOG("E", tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...) ESP_LOG("W", tag, __VA_ARGS__)
#define ESP_LOGI(tag, ...) ((void)0)
#define ESP_LOGD(tag, ...) ((void)0)
#define ESP_LOGV(tag, ...) ((void)0)
