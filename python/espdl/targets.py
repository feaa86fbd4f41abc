# SPDX-License-Identifier: Apache-2.0
"""The chips: which numerics they default to and which backends are asked, in order, to take an operator."""

from __future__ import annotations

from dataclasses import dataclass

from espdl.errors import EspdlError

SCHEMES = ("affine", "power_of_two")

# Rounding of requantisation; the values are the C enumerators of include/espdl/kernels/requantize.h.
ROUND_TFLITE = "ESPDL_ROUND_TFLITE"
ROUND_HALF_UP = "ESPDL_ROUND_HALF_UP"
ROUND_HALF_EVEN = "ESPDL_ROUND_HALF_EVEN"

# Bits of sums of products where no vector unit has fewer.
ALL_BITS = 32


@dataclass(frozen=True)
class Target:
    """What the code is compiled for.

    `backends` are asked in this order; the first that accepts an operator lowers it. `rounding` is what the target's
    kernels do in scheme power_of_two. `per_channel` says whether weights have one scale per output channel.
    `zero_points_anywhere`: its fastest kernels take zero points at borders and in sums of tensors too.
    `lane_bits`: of the sums in its fastest kernels; layers that need more run slower.
    `channel_multiple`: they are fast where the channels are a multiple of it.
    """

    chip: str
    backends: tuple[str, ...]
    scheme: str
    rounding: str
    per_channel: bool
    optimize: str = "speed"
    zero_points_anywhere: bool = True
    lane_bits: int = ALL_BITS
    channel_multiple: int = 1


_PORTABLE_CHIPS = ("generic", "esp32", "esp32s2", "esp32c2", "esp32c3", "esp32c5", "esp32c6", "esp32c61", "esp32h2")
_VECTOR_CHIPS = {
    "esp32s3": ("power_of_two", ROUND_HALF_UP, False),
    "esp32p4": ("power_of_two", ROUND_HALF_EVEN, True),
}
# Chips with kernels of our own (`port/<chip>`, a backend of that name).
_OWN_KERNELS = ("esp32s3",)
_LANE_BITS = {"esp32s3": 20}
# Chips on which the component espressif/esp-dl has vector kernels (port/esp_dl), and where they are the fastest choice.
_ESP_DL_KERNELS = ("esp32s3", "esp32p4")
_ESP_DL_BY_DEFAULT = ("esp32p4",)
CHIPS = _PORTABLE_CHIPS + tuple(_VECTOR_CHIPS)


def select(chip: str, kernels: str = "auto", scheme: str = "default", optimize: str = "speed") -> Target:
    """The target for `chip` with the user's choice of kernels and scheme; raises EspdlError for an unknown chip."""
    if chip not in CHIPS:
        raise EspdlError(f"chip '{chip}'", "it is not one this version knows", f"choose one of {', '.join(CHIPS)}")
    if kernels == "esp_dl" and chip not in _ESP_DL_KERNELS:
        why = f"ESP-DL has vector kernels on {' and '.join(_ESP_DL_KERNELS)} only"
        raise EspdlError(f"kernels esp_dl on chip '{chip}'", why, "choose kernels auto")
    default_scheme, rounding, per_channel = _VECTOR_CHIPS.get(chip, ("affine", ROUND_HALF_UP, True))
    if kernels == "portable":
        default_scheme, per_channel = "affine", True
    chosen = default_scheme if scheme == "default" else scheme
    own = (chip,) if chip in _OWN_KERNELS and kernels in ("auto", "own") else ()
    if kernels == "esp_dl" or (kernels == "auto" and chip in _ESP_DL_BY_DEFAULT):
        own = ("esp_dl",)
    return Target(
        chip=chip,
        backends=(*own, "portable", "tvm"),
        scheme=chosen,
        rounding=ROUND_TFLITE if chosen == "affine" else rounding,
        per_channel=per_channel or chosen == "affine",
        optimize=optimize,
        zero_points_anywhere=chip not in _VECTOR_CHIPS or kernels == "portable",
        lane_bits=_LANE_BITS.get(chip, ALL_BITS) if own else ALL_BITS,
        channel_multiple=16 if own == ("esp_dl",) else 1,
    )
