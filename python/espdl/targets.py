# SPDX-License-Identifier: Apache-2.0
"""What code is compiled for: a chip, its numerics, and which backends are asked, in order, to take an operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from espdl.chips import all_chips
from espdl.chips.chip import ALL_BITS, VectorUnit
from espdl.errors import EspdlError

SCHEMES = ("affine", "power_of_two")

# Rounding of requantisation; the values are the C enumerators of include/espdl/kernels/requantize.h.
ROUND_TFLITE = "ESPDL_ROUND_TFLITE"
ROUND_HALF_UP = "ESPDL_ROUND_HALF_UP"
ROUND_HALF_EVEN = "ESPDL_ROUND_HALF_EVEN"

# Of the ESP32-S3, as ESP-IDF configures it by default.
DATA_CACHE = 32768

CHIPS = tuple(all_chips())
# ESP-IDF's names of what it builds for.
IDF_TARGETS = ("linux", *CHIPS[1:])


@dataclass(frozen=True)
class Target:
    """What the code is compiled for.

    `backends` are asked in this order; the first that takes an operator lowers it. `rounding` is what the target's
    kernels do in scheme power_of_two. `per_channel` says whether weights have one scale per output channel.
    `zero_points_anywhere`: its fastest kernels take zero points at borders and in sums of tensors too.
    `any_borders`: the border of a convolution of one group may hold any integers, one for each input channel.
    `lane_bits`: of the sums in its fastest kernels; layers that need more run slower.
    `channel_multiple`: they are fast where the channels are a multiple of it.
    `vectors`: the chip's vector unit, whichever kernels were chosen. `data_cache`: bytes of the cache through which
    flash is read, 0 where that does not matter.
    """

    chip: str
    backends: tuple[str, ...]
    scheme: str
    rounding: str
    per_channel: bool
    optimize: str = "speed"
    zero_points_anywhere: bool = True
    any_borders: bool = False
    lane_bits: int = ALL_BITS
    channel_multiple: int = 1
    vectors: VectorUnit | None = None
    data_cache: int = DATA_CACHE

    def exceeds_cache(self, weights: int) -> bool:
        """Whether so many bytes, read over and over, are fetched from flash each time."""
        return 0 < self.data_cache < weights

    @property
    def has_fpu(self) -> bool:
        return all_chips()[self.chip].fpu


def select(
    chip: str,
    kernels: str = "auto",
    scheme: str = "default",
    optimize: str = "speed",
    data_cache: int = DATA_CACHE,
) -> Target:
    """The target for `chip` with the user's choice of kernels and scheme; raises EspdlError for an unknown chip."""
    if chip not in CHIPS:
        raise EspdlError(f"chip '{chip}'", "it is not one this version knows", f"choose one of {', '.join(CHIPS)}")
    facts = all_chips()[chip]
    if kernels == "esp_dl" and not facts.esp_dl:
        why = f"ESP-DL has vector kernels on {_listed(c.name for c in all_chips().values() if c.esp_dl)} only"
        raise EspdlError(f"kernels esp_dl on chip '{chip}'", why, "choose kernels auto")
    vectors = facts.vectors if kernels != "portable" else None
    default_scheme = "affine" if vectors is None else "power_of_two"
    chosen = default_scheme if scheme == "default" else scheme
    special: tuple[str, ...] = (chip,) if facts.own_kernels and kernels in ("auto", "own") else ()
    if kernels == "esp_dl" or (kernels == "auto" and facts.esp_dl_by_default):
        special = ("esp_dl",)
    # Portable kernels on a chip with vectors imitate its rounding too, so that both give the same bytes.
    rounding = facts.vectors.rounding if facts.vectors is not None else ROUND_HALF_UP
    return Target(
        chip=chip,
        backends=(*special, "portable", "tvm"),
        scheme=chosen,
        rounding=ROUND_TFLITE if chosen == "affine" else rounding,
        per_channel=vectors is None or vectors.shift_per_channel or chosen == "affine",
        optimize=optimize,
        zero_points_anywhere=vectors is None,
        any_borders=vectors is not None and special == (chip,) and vectors.any_borders,
        lane_bits=vectors.lane_bits if vectors is not None and special else ALL_BITS,
        channel_multiple=16 if special == ("esp_dl",) else 1,
        vectors=facts.vectors,
        data_cache=data_cache,
    )


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
