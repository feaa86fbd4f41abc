# SPDX-License-Identifier: Apache-2.0
"""Reads the arrays of a .npz file one row at a time; numpy itself would load each of them whole."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.lib import format as npy


class Rows(Protocol):
    """An array that can be read row by row (an ndarray is one)."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[np.ndarray]: ...


@dataclass(frozen=True)
class ArchivedRows:
    """One array of a .npz file."""

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        shape = self.shape[1:]
        size = self.dtype.itemsize * int(np.prod(shape))
        with zipfile.ZipFile(self.path) as file, file.open(self.member) as stream:
            _header(stream)
            for _ in range(len(self)):
                yield np.frombuffer(stream.read(size), self.dtype).reshape(shape)


def archive(path: Path) -> dict[str, Rows]:
    """The arrays of a .npz file by name. Raises ValueError, OSError or BadZipFile for what is none."""
    result: dict[str, Rows] = {}
    with zipfile.ZipFile(path) as file:
        for member in file.namelist():
            with file.open(member) as stream:
                shape, columns_first, dtype = _header(stream)
            if dtype.hasobject:
                raise ValueError(f"array '{member}' holds Python objects")
            name = member.removesuffix(".npy")
            if columns_first and len(shape) > 1:
                with np.load(path, allow_pickle=False) as loaded:
                    result[name] = loaded[name]
            else:
                result[name] = ArchivedRows(path, member, shape, dtype)
    return result


def _header(stream) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    return npy.read_array_header_1_0(stream) if version == (1, 0) else npy.read_array_header_2_0(stream)
