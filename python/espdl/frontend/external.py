# SPDX-License-Identifier: Apache-2.0
"""Weights that an ONNX model keeps in files of their own. Only files below the model's folder are ever opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import Message
from onnx import TensorProto
from onnx.external_data_helper import load_external_data_for_tensor

from espdl.errors import EspdlError, first_line


def load_external_data(proto: onnx.ModelProto, path: Path, label: str) -> tuple[Path, ...]:
    """Reads the external data of all tensors into the model; the files are below its folder. Raises EspdlError."""
    folder = path.parent.resolve()
    found: dict[Path, None] = {}
    for tensor in [t for t in tensors(proto) if t.data_location == TensorProto.EXTERNAL]:
        what = f"{label}: tensor '{tensor.name}'"
        found[_file_of(tensor, folder, what)] = None
        try:
            load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # several types for one reason: the offset or the length is wrong
            why = f"its external data cannot be read ({first_line(error)})"
            raise EspdlError(what, why, "export the model again; the data file may be incomplete") from error
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    return tuple(found)


def _file_of(tensor: TensorProto, folder: Path, what: str) -> Path:
    """The file that holds a tensor, links resolved."""
    location = next((e.value for e in tensor.external_data if e.key == "location"), "")
    if "\0" in location:
        location = ""
    candidate = Path(location.replace("\\", "/"))
    resolved = (folder / candidate).resolve()
    if not location or candidate.is_absolute() or ":" in location or not resolved.is_relative_to(folder):
        raise EspdlError(
            what,
            f"its external data ('{location}') lies outside the model's folder",
            "keep the data file beside the .onnx file",
        )
    if not resolved.is_file():
        raise EspdlError(what, f"its external data file '{location}' is missing", "copy it beside the .onnx file")
    return resolved


def tensors(message: Message) -> Iterator[TensorProto]:
    """All tensors in a message, wherever: initialisers, sparse ones, attributes, functions."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in (value,) if isinstance(value, Message) else value:
                if isinstance(part, TensorProto):
                    yield part
                else:
                    yield from tensors(part)
