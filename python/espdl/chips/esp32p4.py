# SPDX-License-Identifier: Apache-2.0
from espdl.chips.chip import PIE_P4, Chip

CHIP = Chip(
    "esp32p4",
    march="rv32imafc",
    cores=2,
    fpu=True,
    psram=True,
    vectors=PIE_P4,
    esp_dl=True,
    esp_dl_by_default=True,
)
