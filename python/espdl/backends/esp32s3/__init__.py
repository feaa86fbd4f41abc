# SPDX-License-Identifier: Apache-2.0
"""ESP32-S3: kernels for its vector unit (port/esp32s3), which compute exactly what the references say or decline."""
