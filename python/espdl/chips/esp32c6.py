# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import Chip

CHIP = Chip("esp32c6", march="rv32imac")
