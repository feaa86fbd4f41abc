# SPDX-License-Identifier: CC0-1.0
"""STREAM on ONNX models: what a push costs, what it computes, and what cannot be a stream."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_networks import Signal, temporal_convolutions

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

import networks  # noqa: E402 (the path above comes first)

from espdl import pipeline  # noqa: E402
from espdl.errors import EspdlError, UsageError  # noqa: E402
from espdl.options import Options  # noqa: E402
from espdl.verify import host, long_input, reference, rv32  # noqa: E402

needs_rv32 = pytest.mark.skipif(rv32.available() is not None, reason=str(rv32.available()))


# The arithmetic of kernels is tested beside them: the other scheme is for the sweep.
SCHEMES = ["affine", pytest.param("power_of_two", marks=pytest.mark.sweep)]


def compiled(folder: Path, **options) -> pipeline.Compilation:
    return pipeline.compile_model(Options(name="net", output=str(folder), effort="fast", **options))


def kws(folder: Path) -> dict[str, str]:
    where = networks.write(folder, ["kws_dscnn"]) / "kws_dscnn"
    return {"model": str(where / "model.onnx"), "calibration": str(where / "calib.npy")}


def recording(plan: pipeline.Plan, pushes: int) -> np.ndarray:
    """int8 [pushes, values of a push]."""
    stream = plan.stream
    return (
        np.random.default_rng(1).integers(-128, 128, (pushes, stream.hop * stream.tensors[0].row_bytes)).astype(np.int8)
    )


def whole_windows(plain: pipeline.Plan, rows: np.ndarray, window: int, hop: int) -> dict[int, bytes]:
    """The output of the window's network, on some of the windows, by push."""
    values = rows.reshape(len(rows) * hop, -1)
    found = {}
    for push in (-(-window // hop), len(rows)):
        part = values[push * hop - window : push * hop]
        tensors = reference.run(plain, {plain.inputs[0].name: part})
        found[push] = tensors[plain.outputs[0].tensor].tobytes()
    return found


@pytest.mark.parametrize("scheme", SCHEMES)
@needs_rv32
def test_a_push_of_a_temporal_network_costs_a_twentieth(tmp_path: Path, scheme: str) -> None:
    """64 channels; without padding, so that its outputs are those of whole windows."""
    files = temporal_convolutions(tmp_path)
    plain = compiled(tmp_path / "plain", **files, scheme=scheme)
    made = compiled(tmp_path / "stream", **files, scheme=scheme, stream="x", hop=1)
    rows = recording(made.plan, 131)
    results, runs = rv32.build(made.plan, made.files, "net", tmp_path / "a").run({"x": rows})
    whole = np.zeros((1, *plain.plan.tensor(plain.plan.inputs[0].tensor).shape), np.int8)
    _, costs = rv32.build(plain.plan, plain.files, "net", tmp_path / "b").run({"x": whole})
    assert 20 * runs[-1].instructions <= costs[0].instructions
    first = dataclasses.replace(made.plan, stream=None)
    for push, wanted in whole_windows(first, rows, 128, 1).items():
        assert results.outputs["y"][push - 1].tobytes() == wanted


@pytest.mark.parametrize("scheme", SCHEMES)
@needs_rv32
def test_a_push_of_a_keyword_network_costs_a_sixth(tmp_path: Path, scheme: str) -> None:
    files = kws(tmp_path)
    plain = compiled(tmp_path / "plain", **files, scheme=scheme)
    made = compiled(tmp_path / "stream", **files, scheme=scheme, stream="input", hop=2, edges="stream")
    rows = recording(made.plan, 30)
    results, runs = rv32.build(made.plan, made.files, "net", tmp_path / "a").run({"input": rows})
    _, costs = rv32.build(plain.plan, plain.files, "net", tmp_path / "b").run(
        {"input": rows[:1].repeat(25)[None, :490]}
    )
    assert 6 * runs[-1].instructions <= costs[0].instructions
    on_host = host.build(made.plan, made.files, "net", tmp_path / "c", flags=host.SANITIZERS).run({"input": rows})
    (name,) = results.outputs
    fills = made.plan.stream.fills
    assert np.array_equal(results.outputs[name][fills - 1 :], on_host.outputs[name][fills - 1 :])


@pytest.mark.parametrize("chip", ["generic", pytest.param("esp32", marks=pytest.mark.sweep), "esp32s3"])
@pytest.mark.parametrize("scheme", ["affine", "power_of_two"])
def test_a_keyword_network_with_edges_of_the_window_gives_what_whole_windows_give(
    tmp_path: Path, scheme: str, chip: str
) -> None:
    made = compiled(tmp_path / "s", **kws(tmp_path), scheme=scheme, chip=chip, stream="input", hop=2, edges="window")
    rows = recording(made.plan, 27)
    flags = (*host.SANITIZERS, "-fno-sanitize=null,object-size")  # of what emulates the ESP32-S3
    results = host.build(made.plan, made.files, "net", tmp_path / "a", flags=flags).run({"input": rows})
    (name,) = results.outputs
    for push, wanted in whole_windows(dataclasses.replace(made.plan, stream=None), rows, 49, 2).items():
        assert results.outputs[name][push - 1].tobytes() == wanted


TAKEN = {"tcn": (temporal_convolutions, {"stream": "x", "hop": 1}), "kws": (kws, {"stream": "input", "hop": 2})}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", [pytest.param("affine", marks=pytest.mark.sweep), "power_of_two"])
@pytest.mark.parametrize("name", TAKEN)
def test_on_the_emulated_esp32s3_outputs_are_those_of_the_long_input(tmp_path: Path, name: str, scheme: str) -> None:
    """Every lane of its vector instructions, on pushes from the first full window on."""
    make, how = TAKEN[name]
    made = compiled(tmp_path / "s", **make(tmp_path), scheme=scheme, chip="esp32s3", edges="stream", **how)
    stream = made.plan.stream
    assert stream.edges == "stream"
    pushes = stream.fills + 3
    rows = recording(made.plan, pushes)
    flags = (*host.SANITIZERS, "-fno-sanitize=null,object-size")  # of what emulates the ESP32-S3
    port = made.plan.inputs[0].name
    results = host.build(made.plan, made.files, "net", tmp_path / "a", flags=flags).run({port: rows}).outputs
    wanted = long_input.expected(made.plan, rows.reshape(pushes * stream.hop, -1), range(stream.fills, pushes + 1))
    seen = set()
    for push, outputs in wanted.items():
        for output, value in outputs.items():
            assert results[output][push - 1].tobytes() == value.tobytes()
            seen.add(value.tobytes())
    assert len(seen) > 1, "outputs that say nothing"


def padded(folder: Path, **attributes) -> dict[str, str]:
    network = Signal(4)
    network.conv(8, pads=(1, 1), **attributes)
    network.head(3)
    return network.write(folder, (1, 4, 16))


REFUSED = {
    "edges": ({"stream": "x", "hop": 1}, EspdlError, "padded along the stream", "EDGES"),
    "a stride": (
        {"stream": "x", "hop": 3, "edges": "stream", "strides": [2]},
        EspdlError,
        "no multiple of",
        "hop of 4",
    ),
    "a stride where the next hop is no window": (
        {"stream": "x", "hop": 16, "edges": "stream", "strides": [3]},
        EspdlError,
        "no multiple of",
        "hop of 15, or another multiple of 3",
    ),
    "a window": ({"stream": "x", "hop": 17, "edges": "stream"}, EspdlError, "more than the window's 16", "at most 16"),
    "an input": ({"stream": "z", "hop": 1}, UsageError, "no input 'z'", "'x'"),
    "an axis": ({"stream": "x:1", "hop": 1, "edges": "stream"}, UsageError, "rows of its axis 2", "x:2"),
    "no such axis": ({"stream": "x:3", "hop": 1}, UsageError, "3 axes", "0 to 2"),
    "a word": ({"stream": "x:time", "hop": 1}, UsageError, "'time' is no axis", "x:1"),
    "no hop": ({"stream": "x"}, UsageError, "no --hop", "how many rows"),
    "no stream": ({"hop": 1}, UsageError, "no stream", "--stream"),
    "stripes": ({"stream": "x", "hop": 1, "memory": "auto"}, UsageError, "not for streams", "plain"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_stream_fails_with_a_reason_and_a_remedy(tmp_path: Path, name: str) -> None:
    options, kind, reason, remedy = REFUSED[name]
    options = dict(options)
    files = padded(tmp_path, **({"strides": options.pop("strides")} if "strides" in options else {}))
    with pytest.raises(kind) as caught:
        compiled(tmp_path / "out", **files, **options)
    assert reason in caught.value.why and remedy in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_strides_of_more_rows_than_the_window_has(tmp_path: Path) -> None:
    network = Signal(4)
    network.conv(8, kernel=5, pads=(4, 4), strides=[18])
    network.head(3)
    with pytest.raises(EspdlError, match="no multiple") as caught:
        compiled(tmp_path / "out", **network.write(tmp_path, (1, 4, 16)), stream="x", hop=1, edges="stream")
    assert "multiples of 18 rows" in caught.value.remedy and "hop of" not in caught.value.remedy


def test_a_layer_over_the_whole_axis_is_no_stream(tmp_path: Path) -> None:
    network = Signal(4)
    network.node("Flatten", network.last)
    network.channels = 64
    network.dense(3)
    with pytest.raises(EspdlError, match="all rows at once") as caught:
        compiled(tmp_path / "out", **network.write(tmp_path, (1, 4, 16)), stream="x", hop=1)
    assert caught.value.node is not None


def test_a_scale_for_each_moment_is_no_stream(tmp_path: Path) -> None:
    network = Signal(4)
    for kind in ("Sub", "Div"):
        network.node(kind, network.last, network.constant(np.linspace(1, 2, 16, dtype=np.float32).reshape(1, 1, 16)))
    network.conv(8)
    network.head(3)
    with pytest.raises(UsageError, match="each place of axis 2") as caught:
        compiled(tmp_path / "out", **network.write(tmp_path, (1, 4, 16)), stream="x", hop=1)
    assert "one for each channel" in caught.value.remedy


def test_the_report_shows_state_and_working_memory_apart(tmp_path: Path) -> None:
    report = compiled(tmp_path / "out", **padded(tmp_path), stream="x", hop=1, edges="stream").report
    stream = report["stream"]
    assert stream["state_bytes"] + stream["working_bytes"] == report["arena_bytes"]
    assert stream["macs"] < report["macs"] and stream["state_bytes"] >= 16 * 8


def test_causal_padding_needs_no_choice_where_only_new_rows_are_read(tmp_path: Path) -> None:
    """As exports of PyTorch and Keras write it: time behind channels or in front of them, a border in front of each
    layer, and the last moment goes to the head. The receptive field is smaller than the window."""
    network = Signal(16)
    network.node("Transpose", network.last, perm=[0, 2, 1])
    for dilation in (1, 2, 4):
        network.node("Pad", network.last, network.constant(np.int64([0, 0, 2 * dilation, 0, 0, 0])))
        network.conv(16, dilations=[dilation])
    bounds = [network.constant(np.int64([value])) for value in (-1, 2**31, 2)]
    network.node("Slice", network.last, *bounds)
    network.node("Flatten", network.last)
    network.dense(4)
    made = compiled(tmp_path / "s", **network.write(tmp_path, (1, 32, 16)), stream="x:1", hop=1)
    assert made.plan.stream.tensors[-1].keeps == 1, "of what the head reads the last row alone is kept"
    rows = recording(made.plan, 40)
    results = host.build(made.plan, made.files, "net", tmp_path / "a", flags=host.SANITIZERS).run({"x": rows})
    plain = compiled(tmp_path / "p", model=made.options.model, calibration=made.options.calibration)
    for push, wanted in whole_windows(plain.plan, rows, 32, 1).items():
        assert results.outputs["y"][push - 1].tobytes() == wanted


def recurrent(kind: str, folder: Path) -> dict[str, str]:
    """[1, time, features], one layer, and the last step goes to the head."""
    network, gates = Signal(5), {"LSTM": 4, "GRU": 3}[kind]
    shapes = ((1, gates * 6, 5), (1, gates * 6, 6), (1, gates * 12))
    weights = [network.constant(network.random.normal(0, 0.5, shape).astype(np.float32)) for shape in shapes]
    sequence = network.node("Transpose", network.last, perm=[1, 0, 2])
    options = {"linear_before_reset": 1} if kind == "GRU" else {}
    network.node(kind, sequence, *weights, hidden_size=6, **options)
    bounds = [network.constant(np.int64([value])) for value in (-1, 2**31, 0)]
    network.node("Slice", network.last, *bounds)
    network.node("Flatten", network.last)
    network.channels = 6
    network.dense(4)
    return network.write(folder, (1, 12, 5))


@pytest.mark.parametrize("hop", [1, 3])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_layers_go_on_from_push_to_push(tmp_path: Path, kind: str, hop: int) -> None:
    made = compiled(tmp_path / "s", **recurrent(kind, tmp_path), stream="x", hop=hop, edges="stream")
    plan, pushes = made.plan, 24
    rows = recording(plan, pushes)
    results = host.build(plan, made.files, "net", tmp_path / "a", flags=host.SANITIZERS).run({"x": rows})
    layer, head = plan.calls
    long = dataclasses.replace(layer, params=dataclasses.replace(layer.params, steps=pushes * hop))
    (steps,) = reference.compute(plan, long, [rows.reshape(pushes * hop, 1, 5)])
    for push in range(plan.stream.fills, pushes + 1):
        (wanted,) = reference.compute(plan, head, [steps[push * hop - 1].reshape(1, 6)])
        assert results.outputs["y"][push - 1].tobytes() == wanted.tobytes()
