# SPDX-License-Identifier: Apache-2.0
"""Compile ONNX models to C for ESP32 chips."""

import os

__version__ = "0.2.0"

# numpy's OpenBLAS splits sums by the number of cores, so that the last bits of what calibration finds would depend on
# the machine. One thread gives the same bytes on all of them, and is faster on a busy one. Said before numpy loads, and
# whatever the user has set for other programs: this variable goes before OMP_NUM_THREADS.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# onnxruntime 1.32 keeps telemetry in the user's home and temporary folders, and sends it. A compiler has nothing to say
# to anybody. The library reads this when it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
