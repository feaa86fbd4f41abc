# SPDX-License-Identifier: CC0-1.0
"""Writes frame.rgb565: what a camera sees of a digit on paper, 320x240 pixels, RGB565, high byte first. Needs numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
WIDTH, HEIGHT = 320, 240
DIGIT = 7  # of ../digits/main/held_out.bin, whose records are a label and 8 x 8 pixels from 0 (paper) to 16 (ink)


def main() -> None:
    record = np.fromfile(HERE.parent / "digits" / "main" / "held_out.bin", np.uint8).reshape(-1, 65)[DIGIT]
    ink = record[1:].reshape(8, 8) / 16
    scale = HEIGHT // 8
    places = (np.arange(HEIGHT) + 0.5) / scale - 0.5
    first = np.clip(np.floor(places).astype(int), 0, 7)
    second, share = np.minimum(first + 1, 7), np.clip(places - first, 0, 1)
    rows = ink[first] * (1 - share)[:, None] + ink[second] * share[:, None]
    square = rows[:, first] * (1 - share) + rows[:, second] * share
    light = np.full((HEIGHT, WIDTH), 0.9)
    left = (WIDTH - HEIGHT) // 2
    light[:, left : left + HEIGHT] = 1 - square
    light += np.random.default_rng(0).normal(0, 0.01, light.shape)  # a sensor's noise
    level = np.rint(np.clip(light, 0, 1) * 255).astype(np.uint16)
    (level >> 3 << 11 | level >> 2 << 5 | level >> 3).astype(">u2").tofile(HERE / "frame.rgb565")
    print(f"a {record[0]}")


if __name__ == "__main__":
    main()
