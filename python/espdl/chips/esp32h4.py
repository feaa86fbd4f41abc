# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import Chip

CHIP = Chip("esp32h4", march="rv32imafc", cores=2, fpu=True, psram=True, preview=True)
