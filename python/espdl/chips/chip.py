# SPDX-License-Identifier: Apache-2.0
"""What the compiler and the build want to know of a chip. The facts are those of ESP-IDF's soc_caps.h."""

from __future__ import annotations

from dataclasses import dataclass

# Bits of sums of products where no vector unit has fewer.
ALL_BITS = 32


@dataclass(frozen=True)
class VectorUnit:
    """8-bit vector instructions (PIE). They requantise by a shift, so that they want the scheme power_of_two.

    `rounding`: what the shift of ESP-DL's kernels does with ties; the value is a C enumerator of
    include/espdl/kernels/requantize.h. `shift_per_channel`: whether channels may have shifts of their own there.
    `max_shift`: the largest shift that leaves something of a sum and is sure to work. `any_borders`: convolutions of
    this component's kernels take a border of any integers, one for each input channel.
    """

    name: str
    lane_bits: int
    rounding: str
    shift_per_channel: bool
    max_shift: int
    any_borders: bool = False


PIE_S3 = VectorUnit("esp32s3", 20, "ESPDL_ROUND_HALF_UP", False, 19, any_borders=True)
PIE_P4 = VectorUnit("esp32p4", 32, "ESPDL_ROUND_HALF_EVEN", True, 24)


@dataclass(frozen=True)
class Chip:
    """`name`: ESP-IDF's name of the target.

    `march`: what ESP-IDF passes to GCC, less what other compilers do not know; None for Xtensa.
    `psram`: whether the chip can have external RAM. `preview`: ESP-IDF builds for it with --preview only.
    `own_kernels`: port/<name> has kernels of this component for it, a backend of that name.
    `esp_dl`: the component espressif/esp-dl has vector kernels for it; `esp_dl_by_default`: nothing is faster.
    """

    name: str
    march: str | None
    cores: int = 1
    fpu: bool = False
    psram: bool = False
    preview: bool = False
    vectors: VectorUnit | None = None
    own_kernels: bool = False
    esp_dl: bool = False
    esp_dl_by_default: bool = False

    @property
    def is_xtensa(self) -> bool:
        return self.march is None


GENERIC = Chip("generic", march="rv32imc")
