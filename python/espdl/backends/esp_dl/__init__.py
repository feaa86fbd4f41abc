# SPDX-License-Identifier: Apache-2.0
"""Kernels of the component espressif/esp-dl, on ESP32-S3, ESP32-P4 and ESP32-S31 (port/esp_dl): exact, or declined."""
