# SPDX-License-Identifier: CC0-1.0
"""`espdl validate` of streams and states: float model, ONNX Runtime and C over a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_networks import Signal
from test_networks import recurrent
from test_states import PAIRS, STEPS, WIDTH, network

from espdl.errors import EspdlError
from espdl.options import Options
from espdl.verify import over_time


def padded(folder: Path) -> dict[str, str]:
    """Strides, dilations and borders on both sides, and a head that reads the whole window."""
    signal = Signal(4)
    signal.conv(8, pads=(1, 1), strides=[2])
    signal.conv(8, pads=(2, 2), dilations=[2])
    signal.head(3)
    return signal.write(folder, (1, 4, 24))


def with_features(folder: Path) -> dict[str, str]:
    """Each channel of the input has an offset and a scale of its own, which the application's quantisation includes."""
    signal = Signal(4)
    for kind, values in (("Sub", (1, -2, 3, 0)), ("Div", (1, 4, 0.5, 9))):
        signal.node(kind, signal.last, signal.constant(np.float32(values).reshape(1, 4, 1)))
    signal.conv(8)
    signal.head(3)
    return signal.write(folder, (1, 4, 24))


def parallel(kind: str, folder: Path) -> dict[str, str]:
    """Branches that wait for more and for fewer rows, of an image, and an output that is rows of the stream."""
    network, ends = Signal(1), []
    for rows in (0, 2):
        weights = network.constant(network.random.normal(0, 0.3, (4, 1, 2 * rows + 1, 3)).astype(np.float32))
        ends.append(network.node("Conv", "x", weights, pads=[rows, 1, rows, 1]))
    network.node(kind, *ends, **({"axis": 1} if kind == "Concat" else {}))
    network.node("Tanh", network.last)
    return network.write(folder, (1, 1, 24, 4))


CASES = {
    "concatenation": (lambda folder: parallel("Concat", folder), (1, 60, 4), {"hop": 2, "edges": "stream"}),
    "sum": (lambda folder: parallel("Add", folder), (1, 60, 4), {"hop": 2, "edges": "stream"}),
    "features": (with_features, (4, 60), {"hop": 2}),
    "window": (padded, (4, 60), {"hop": 2, "edges": "window"}),
    "stream": (padded, (4, 60), {"hop": 2, "edges": "stream"}),
    "recurrent": (lambda folder: recurrent("LSTM", folder), (60, 5), {"hop": 3, "edges": "stream"}),
}


@pytest.mark.parametrize("chip", ["generic", "esp32s3"])
@pytest.mark.parametrize("first", ["", "Tanh", "int16", "uint8"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sound_of_channels_first(tmp_path: Path, channels: int, first: str, chip: str) -> None:
    """As PyTorch has it, with what changes values one by one before the first layer, or as a converter gives it."""
    signal, random = Signal(channels), np.random.default_rng(4)
    recording = random.normal(0, 1, (1, channels, 120)).astype(np.float32)
    if first == "Tanh":
        signal.node(first, signal.last)
    elif first:
        limits = np.iinfo(first)
        middle, half = (limits.max + limits.min) / 2, (limits.max - limits.min) / 2
        recording = np.clip(middle + recording * half / 3, limits.min, limits.max).astype(first)
        signal.node("Cast", signal.last, to=1)
        signal.node("Div", signal.last, signal.constant(np.float32(half)))
        signal.node("Sub", signal.last, signal.constant(np.float32(middle / half)))
    signal.conv(16, kernel=6, strides=[2])
    signal.conv(8)
    signal.head(3)
    files = signal.write(tmp_path, (1, channels, 40))
    if first in ("int16", "uint8"):
        model = onnx.load(files["model"])
        model.graph.input[0].type.tensor_type.elem_type = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(first))
        onnx.save(model, files["model"])
    windows = np.lib.stride_tricks.sliding_window_view(recording[0], 40, axis=1)
    np.save(files["calibration"], np.ascontiguousarray(windows[:, ::4].transpose(1, 0, 2)))
    np.save(tmp_path / "recording.npy", recording)
    options = Options(name="net", output="unused", effort="fast", stream="x:2", hop=4, chip=chip, **files)
    found = over_time.run(options, str(tmp_path / "recording.npy"))
    assert not found.failures(20)


@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
@pytest.mark.parametrize("chip", ["generic", "esp32", "esp32s3"])
@pytest.mark.parametrize("group", [1, 8])
def test_pushes_of_more_rows_than_a_layer_has_of_a_window(tmp_path: Path, group: int, chip: str, scheme: str) -> None:
    """Without a border a window has 32 rows of what a push brings 48 of: scratch memory is for no more than 32."""
    signal = Signal(8)
    signal.conv(16, kernel=1)
    signal.conv(16, dilations=[8], group=group)
    signal.head(3)
    np.save(tmp_path / "recording.npy", np.random.default_rng(4).normal(0, 1, (1, 8, 240)).astype(np.float32))
    files = signal.write(tmp_path, (1, 8, 48))
    how = {"stream": "x:2", "hop": 48, "edges": "stream", "chip": chip, "scheme": scheme}
    options = Options(name="net", output="unused", effort="fast", **how, **files)
    try:
        assert not over_time.run(options, str(tmp_path / "recording.npy")).failures(None)
    except EspdlError as refused:  # by kernels that compute all rows at once
        assert "run the network on whole windows" in str(refused)


@pytest.mark.parametrize("case", CASES)
def test_a_recording_in_all_forms(tmp_path: Path, case: str) -> None:
    """ONNX Runtime knows nothing of streams; what it computes of the long input is what the C gives push by push."""
    make, shape, how = CASES[case]
    recording = tmp_path / "recording.npy"
    np.save(recording, np.random.default_rng(4).normal(0, 1, shape).astype(np.float32))
    options = Options(name="net", output="unused", effort="fast", stream="x", **make(tmp_path), **how)
    found = over_time.run(options, str(recording))
    assert not found.failures(None)
    assert abs(found.sqnr_db - found.quantised_db) < 3
    assert len(found.errors) + found.skipped == 60 // how["hop"]
    assert sum(line.startswith("steps") for line in found.text()) == 10


def test_states_over_a_sequence(tmp_path: Path) -> None:
    onnx.save(network("apart"), tmp_path / "step.onnx")
    random = np.random.default_rng(1)
    for name in ("calib", "recording"):
        np.savez(tmp_path / f"{name}.npz", x=random.normal(0, 1, (STEPS, WIDTH)).astype(np.float32))
    options = Options(
        model=str(tmp_path / "step.onnx"),
        name="net",
        output="unused",
        calibration=str(tmp_path / "calib.npz"),
        effort="fast",
        state=tuple(f"{a}={b}" for a, b in PAIRS["apart"]),
    )
    found = over_time.run(options, str(tmp_path / "recording.npz"))
    assert not found.failures(20.0) and len(found.errors) == STEPS
    assert found.failures(99.0) == [f"SQNR is {found.sqnr_db:.2f} dB, below 99 dB"]


@pytest.mark.parametrize(("shape", "reason"), [((5, 60), "shape"), ((4, 10), "rows of time")])
def test_a_recording_that_does_not_fit_is_refused(tmp_path: Path, shape: tuple[int, int], reason: str) -> None:
    np.save(tmp_path / "recording.npy", np.zeros(shape, np.float32))
    how = CASES["stream"][2]
    options = Options(name="net", output="unused", effort="fast", stream="x", **padded(tmp_path), **how)
    with pytest.raises(EspdlError, match=reason):
        over_time.run(options, str(tmp_path / "recording.npy"))
