# SPDX-License-Identifier: Apache-2.0
"""Reads the arrays of .npy and .npz files one row at a time, with one file open and one row in memory.

numpy itself loads each array of a .npz whole, and keeps a file descriptor for every .npy that it maps, of which a
folder with one sample per file needs more than a process may have.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
from numpy.lib import format as npy

from espdl.errors import EspdlError


class NpyRows(Protocol):
    """An array that can be read row by row (an ndarray is one)."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[np.ndarray]: ...


@dataclass(frozen=True)
class StoredRows:
    """The array of a .npy file, or the one called `member` in a .npz file."""

    path: Path
    member: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        with _opened(self.path, self.member) as stream:
            _header(stream)
            for row in range(len(self)):
                yield self._row(stream, row)

    def _row(self, stream: IO[bytes], row: int) -> np.ndarray:
        shape = self.shape[1:]
        size = self.dtype.itemsize * int(np.prod(shape))
        try:
            values = stream.read(size)
        except (OSError, zipfile.BadZipFile, zlib.error) as error:
            raise EspdlError(
                f"file {self.path.name}", f"it cannot be read at sample {row} ({error})", "save the file again"
            ) from error
        return np.frombuffer(values, self.dtype).reshape(shape)


def arrays(path: Path) -> dict[str, NpyRows]:
    """The arrays of a .npz file by name, or that of a .npy file as "".

    Raises ValueError, OSError or BadZipFile for a file that is neither or that ends too early.
    """
    if path.suffix != ".npz":
        return {"": _array(path, "", os.stat(path).st_size)}
    with zipfile.ZipFile(path) as file:
        members = {info.filename: info.file_size for info in file.infolist()}
    return {member.removesuffix(".npy"): _array(path, member, size) for member, size in members.items()}


def _array(path: Path, member: str, size: int) -> NpyRows:
    with _opened(path, member) as stream:
        shape, columns_first, dtype = _header(stream)
        held = size - stream.tell()
    if dtype.hasobject:
        raise ValueError(f"array '{member}' holds Python objects")
    if held < dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise ValueError("it ends before its last sample")
    if columns_first and len(shape) > 1:  # a row is spread over the whole file
        loaded = np.load(path, allow_pickle=False)
        return loaded if not member else loaded[member.removesuffix(".npy")]
    return StoredRows(path, member, shape, dtype)


@contextmanager
def _opened(path: Path, member: str) -> Iterator[IO[bytes]]:
    if not member:
        with open(path, "rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as file, file.open(member) as stream:
        yield stream


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    try:
        return npy.read_array_header_1_0(stream) if version == (1, 0) else npy.read_array_header_2_0(stream)
    except Exception as error:  # numpy evaluates the header as Python, and fails as that does
        raise ValueError("its header is damaged") from error
