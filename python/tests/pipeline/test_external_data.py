# SPDX-License-Identifier: CC0-1.0
"""Weights in files of their own: read below the model's folder, refused everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pipeline_models import conv_model

from espdl import frontend
from espdl.errors import EspdlError

WEIGHTS = numpy_helper.to_array(conv_model().graph.initializer[0])


def external(name: str, **entries: object) -> TensorProto:
    """The weights of conv_model() as a tensor whose data lies elsewhere."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=WEIGHTS.shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return tensor


def initializer(tensor: TensorProto) -> onnx.ModelProto:
    model = conv_model()
    model.graph.initializer[0].CopyFrom(tensor)
    return model


def attribute(tensor: TensorProto) -> onnx.ModelProto:
    model = conv_model()
    del model.graph.initializer[:]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    return model


def function(tensor: TensorProto) -> onnx.ModelProto:
    model = conv_model()
    del model.graph.initializer[:]
    opset = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Constant", [], ["y"], value=tensor)]
    model.functions.append(helper.make_function("local", "Weights", [], ["y"], body, opset))
    model.opset_import.append(helper.make_opsetid("local", 1))
    model.graph.node.insert(0, helper.make_node("Weights", [], ["w"], domain="local"))
    return model


def sparse(tensor: TensorProto) -> onnx.ModelProto:
    model = conv_model()
    del model.graph.initializer[:]
    tensor.dims[:] = [72]
    indices = numpy_helper.from_array(np.arange(72), "indices")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(tensor, indices, [4, 2, 3, 3]))
    return model


PLACES = (initializer, attribute, function, sparse)


def save(folder: Path, model: onnx.ModelProto) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "net.onnx").write_bytes(model.SerializeToString())
    (folder / "secret.bin").write_bytes(WEIGHTS.tobytes())
    return folder / "model" / "net.onnx"


def refusal(path: Path) -> str:
    with pytest.raises(EspdlError) as caught:
        frontend.load(str(path))
    assert "Remedy: " in caught.value.text
    return caught.value.text


@pytest.mark.parametrize("location", ["w.bin", "data/w.bin", "./data/../w.bin"])
def test_below_the_folder(location: str, tmp_path: Path) -> None:
    path = save(tmp_path, initializer(external("w", location=location, offset=8)))
    (path.parent / "data").mkdir()
    place = path.parent / location
    place.write_bytes(bytes(8) + WEIGHTS.tobytes())
    model = frontend.load(str(path))
    assert np.array_equal(numpy_helper.to_array(model.proto.graph.initializer[0]), WEIGHTS)
    assert model.files == (path, place.resolve())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("location", ["../secret.bin", "{}/secret.bin", "..\\secret.bin", "sub/../../secret.bin", ""])
def test_outside_of_the_folder(place: Callable, location: str, tmp_path: Path) -> None:
    path = save(tmp_path, place(external("w", location=location.format(tmp_path))))
    assert "tensor 'w'" in refusal(path) and "lies outside the model's folder" in refusal(path)


@pytest.mark.parametrize("link", ["file", "folder"])
def test_links_out_of_the_folder(link: str, tmp_path: Path) -> None:
    path = save(tmp_path, initializer(external("w", location="link" if link == "file" else "link/secret.bin")))
    (path.parent / "link").symlink_to(tmp_path / "secret.bin" if link == "file" else tmp_path)
    assert "lies outside the model's folder" in refusal(path)


@pytest.mark.parametrize(
    "entries",
    [{"offset": "abc"}, {"offset": -4}, {"offset": 2**40}, {"length": 2**60}, {"length": -1}, {"length": "0x"}],
    ids=str,
)
def test_wrong_places_in_the_file(entries: dict, tmp_path: Path) -> None:
    path = save(tmp_path, initializer(external("w", location="w.bin", **entries)))
    (path.parent / "w.bin").write_bytes(WEIGHTS.tobytes())
    assert "net.onnx" in refusal(path)


@pytest.mark.parametrize("place", PLACES)
def test_missing_file(place: Callable, tmp_path: Path) -> None:
    assert "is missing" in refusal(save(tmp_path, place(external("w", location="w.bin"))))
