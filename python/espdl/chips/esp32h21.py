# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import Chip

CHIP = Chip("esp32h21", march="rv32imac", preview=True)
