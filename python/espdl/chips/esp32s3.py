# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import PIE_S3, Chip

CHIP = Chip("esp32s3", march=None, cores=2, fpu=True, psram=True, vectors=PIE_S3, own_kernels=True, esp_dl=True)
