# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import Chip

CHIP = Chip("esp32", march=None, cores=2, fpu=True, psram=True, own_kernels=True)
