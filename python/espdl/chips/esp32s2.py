# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import Chip

CHIP = Chip("esp32s2", march=None, psram=True)
