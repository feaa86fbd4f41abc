# SPDX-License-Identifier: Apache-2.0
"""What espdl_image.h computes, in numpy, integer for integer: for calibration data that went the application's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GREY, RGB565_LE, RGB565_BE, RGB888, BGR888, YUYV, UYVY = range(7)
NEAREST, BILINEAR = range(2)
_WEIGHT_BITS = 11
_FRACTION = 16


@dataclass(frozen=True)
class ImageInput:
    """How an input stores pixels: `espdl_image_input_t`."""

    width: int
    height: int
    channels: int
    dtype: str = "uint8"
    channels_first: bool = False
    blue_first: bool = False
    multiplier: Sequence[int] = (1 << _FRACTION,) * 3
    addend: Sequence[int] = (0,) * 3


def levels(frame: np.ndarray, pixel_format: int, width: int, channels: int) -> np.ndarray:
    """int64 [H, width, channels] of a frame's rows, uint8 [H, stride]: levels of red, green and blue, or grey."""
    values = frame.astype(np.int64)
    if pixel_format == GREY:
        return np.repeat(values[:, :width, np.newaxis], channels, axis=2)
    if pixel_format in (YUYV, UYVY):
        return _of_yuv(values[:, : 2 * width], pixel_format == UYVY, channels)
    if pixel_format in (RGB888, BGR888):
        rgb = values[:, : 3 * width].reshape(len(values), width, 3)
        rgb = rgb[..., ::-1] if pixel_format == BGR888 else rgb
    else:
        pairs = values[:, : 2 * width].reshape(len(values), width, 2)
        low, high = (0, 1) if pixel_format == RGB565_LE else (1, 0)
        pixel = pairs[..., low] | pairs[..., high] << 8
        red, green, blue = pixel >> 11, pixel >> 5 & 63, pixel & 31
        rgb = np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], axis=2)
    return rgb if channels == 3 else ((rgb @ np.array([19595, 38470, 7471]) + 0x8000) >> 16)[..., np.newaxis]


def _of_yuv(values: np.ndarray, is_uyvy: bool, channels: int) -> np.ndarray:
    pairs = values.reshape(len(values), -1, 4)
    y = pairs[..., [1, 3] if is_uyvy else [0, 2]].reshape(len(values), -1)
    if channels == 1:
        return y[..., np.newaxis]
    u, v = (np.repeat(pairs[..., at], 2, axis=1) - 128 for at in ((0, 2) if is_uyvy else (1, 3)))
    half = 1 << 15
    red = y + ((91881 * v + half) >> 16)
    green = y - ((22554 * u + 46802 * v + half) >> 16)
    blue = y + ((116130 * u + half) >> 16)
    return np.clip(np.stack([red, green, blue], axis=2), 0, 255)


def _places(size: int, length: int, image_filter: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For `size` new pixels in `length` old ones: the two that each lies between, and the share of the second."""
    middle = (2 * np.arange(size) + 1) * length
    if image_filter == NEAREST:
        first = middle // (2 * size)
        return first, first, np.zeros(size, np.int64)
    from_first = np.maximum(middle - size, 0)
    first, rest = np.divmod(from_first, 2 * size)
    share = (rest << _WEIGHT_BITS) // (2 * size)
    at_end = first + 1 >= length
    first = np.where(at_end, length - 1, first)
    return first, np.where(at_end, first, first + 1), np.where(at_end, 0, share)


def convert(
    frame: np.ndarray,
    pixel_format: int,
    width: int,
    crop: tuple[int, int, int, int] | None,
    image_filter: int,
    target: ImageInput,
) -> np.ndarray:
    """The input that `espdl_image_convert` writes, [H, W, C] or [C, H, W]. `frame`: uint8 [rows, stride]; `crop`: x, y,
    width, height."""
    left, top, crop_width, crop_height = crop or (0, 0, width, len(frame))
    source = levels(frame, pixel_format, width, target.channels)[top : top + crop_height, left : left + crop_width]
    y0, y1, y_share = _places(target.height, crop_height, image_filter)
    x0, x1, x_share = _places(target.width, crop_width, image_filter)
    x_share, y_share = x_share[:, np.newaxis], y_share[:, np.newaxis, np.newaxis]
    whole = 1 << _WEIGHT_BITS

    def along_x(rows: np.ndarray) -> np.ndarray:
        return rows[:, x0] * (whole - x_share) + rows[:, x1] * x_share

    sums = along_x(source[y0]) * (whole - y_share) + along_x(source[y1]) * y_share
    found = (sums + (1 << (2 * _WEIGHT_BITS - 1))) >> (2 * _WEIGHT_BITS)
    stored = _stored(found, target)
    stored = stored[..., ::-1] if target.blue_first else stored
    return np.ascontiguousarray(stored.transpose(2, 0, 1) if target.channels_first else stored)


def _stored(found: np.ndarray, target: ImageInput) -> np.ndarray:
    multiplier, addend = (np.array(n[: target.channels], np.int64) for n in (target.multiplier, target.addend))
    exact = found * multiplier + addend
    if target.dtype == "float32":
        return exact.astype(np.float32) * np.float32(1 / (1 << _FRACTION))
    limits = np.iinfo(target.dtype)
    rounded = (exact + (1 << (_FRACTION - 1))) >> _FRACTION
    return np.clip(rounded, limits.min, limits.max).astype(target.dtype)
