# SPDX-License-Identifier: Apache-2.0
"""Compile ONNX models to C for ESP32 chips."""

__version__ = "0.1.0"
