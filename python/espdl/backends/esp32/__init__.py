# SPDX-License-Identifier: Apache-2.0
"""ESP32: kernels for its multiplier-accumulator MAC16 (port/esp32), in every scheme the portable kernels' bytes."""
