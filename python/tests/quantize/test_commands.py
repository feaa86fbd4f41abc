# SPDX-License-Identifier: CC0-1.0
"""`espdl analyze` and `espdl validate`: what they print, what they write, how they end."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import onnx
import pytest
from quantize_models import Builder, classifier, compiled, data, run_float

from espdl.cli import main
from espdl.pipeline import Options
from espdl.verify import analyze, evaluation, knobs, metrics


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """net.onnx, calib.npy, and eval.npz with labels that are the float network's answers."""
    proto = classifier()
    proto.graph.node[0].name = "<b>first & \x07 layer</b>"
    onnx.save(proto, tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", data(24))
    inputs = data(30, seed=2)
    labels = run_float(proto, inputs).reshape(30, -1).argmax(axis=1)
    labels[0] = -1
    np.savez(tmp_path / "eval.npz", x=inputs, label=labels)
    return tmp_path


def arguments(command: str, folder: Path, *more: str) -> list[str]:
    given = [command, str(folder / "net.onnx"), "--calibration", str(folder / "calib.npy"), *more]
    return [*given, "-o", str(folder / "generated")]


def test_validate_is_a_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--eval", str(folder / "eval.npz")]
    assert main(arguments("validate", folder, *given, "--min-sqnr", "20", "--min-agreement", "0.8")) == 0
    text = capsys.readouterr().out
    assert [line.split("  ")[0] for line in text.splitlines()[2:]] == [
        "float (ONNX Runtime)",
        "QDQ (ONNX Runtime)",
        "generated C",
    ]
    assert "100.00%" in text
    assert not (folder / "generated").exists()
    assert main(arguments("validate", folder, *given, "--min-sqnr", "90")) == 1
    assert "FAILED: SQNR is" in capsys.readouterr().out
    assert main(arguments("validate", folder, *given, "--min-agreement", "1.01")) == 1
    assert "FAILED: agreement" in capsys.readouterr().out
    assert main(arguments("validate", folder)) == 2


def test_a_threshold_that_cannot_be_measured_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that says nothing must not look like one that is open."""
    b = Builder((1, 3, 12, 12))
    onnx.save(b.model(b.conv("x", 3, 1, kernel=12, pad=0)), tmp_path / "net.onnx")
    np.save(tmp_path / "calib.npy", data(24))
    given = ["--eval", str(tmp_path / "calib.npy"), "--min-agreement", "0.5"]
    assert main(arguments("validate", tmp_path, *given)) == 1
    assert "FAILED: there is no agreement" in capsys.readouterr().out


def test_validate_says_what_is_wrong_with_the_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(folder / "bad.npz", x=data(3)[:, :, :5])
    assert main(arguments("validate", folder, "--eval", str(folder / "bad.npz"))) == 1
    assert "expected [N, 3, 12, 12]" in capsys.readouterr().err
    np.savez(folder / "bad.npz", x=data(3), label=np.float32([0.5, 1, 2]))
    assert main(arguments("validate", folder, "--eval", str(folder / "bad.npz"))) == 1
    assert "no whole numbers" in capsys.readouterr().err
    assert main(arguments("validate", folder, "--eval", str(folder / "none.npz"))) == 1
    assert "cannot be read" in capsys.readouterr().err


class _Page(HTMLParser):
    """Fails for tags that do not match, and collects what would load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.suspicious: list[str] = []

    def handle_starttag(self, tag: str, attributes) -> None:
        if tag in ("script", "iframe", "img", "b") or any(n in ("src", "onclick") for n, _ in attributes):
            self.suspicious.append(tag)
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("options", [[], ["--chip", "esp32s3"], ["--precision", "int16x8"]])
def test_analyze(options: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, errors = folder / "a.html", folder / "e.json"
    more = ["--eval", str(folder / "eval.npz"), "--html", str(html), "--errors", str(errors), *options]
    assert main(arguments("analyze", folder, *more)) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.split("to try next")[0].splitlines())) <= 100
    assert "confusion" in text
    assert "to try next" in text
    measured = json.loads(errors.read_text())
    assert len(measured) >= 10
    assert all(10 < v <= metrics.EXACT_DB for v in measured.values())
    page = _Page()
    page.feed(html.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.suspicious == []


def test_analyze_uses_calibration_data_without_evaluation_data(folder: Path, capsys) -> None:
    assert main(arguments("analyze", folder)) == 0
    assert "24 samples of calib.npy (calibration)" in capsys.readouterr().out


def test_layers_tell_their_own_error_from_the_inherited_one(folder: Path) -> None:
    """The first layer has nothing to inherit but the input's rounding; errors add up from there."""
    compilation = compiled(classifier(), data(24), folder)
    layers = analyze.layers(compilation.quantized, evaluation.Evaluation("d", {"x": data(12, seed=3)}))
    assert [e.tensor for e in layers][0] == "x"
    assert np.isclose(layers[0].sqnr_db, layers[0].own_db)
    inner = [e for e in layers[1:] if e.operator in ("Conv", "Add", "Gemm")]
    assert all(e.own_db >= e.sqnr_db - 0.5 for e in inner)
    assert inner[-1].own_db > inner[-1].sqnr_db + 3
    for e in layers:
        assert 0 <= e.saturated < 0.05
        assert e.low <= e.high
        assert e.cosine > 0.99
        assert (e.accumulator_bits is None) == (e.operator not in ("Conv", "Gemm"))


def test_layers_of_a_network_without_some_channels(folder: Path) -> None:
    """Tensors of the float model lose the channels that the quantised one has not."""
    proto = classifier()
    for name in ("c0", "c1"):
        tensor = next(t for t in proto.graph.initializer if t.name == name)
        values = np.frombuffer(tensor.raw_data, np.float32).copy().reshape(8, -1)
        values[3] = -1.0 if name == "c1" else 0.0
        tensor.raw_data = values.tobytes()
    proto.graph.node[next(i for i, n in enumerate(proto.graph.node) if n.op_type == "Add")].input[0] = "relu5"
    onnx.checker.check_model(proto)
    compilation = compiled(proto, data(24), folder)
    assert compilation.quantized.removed
    layers = analyze.layers(compilation.quantized, evaluation.Evaluation("d", {"x": data(6, seed=3)}))
    assert all(e.sqnr_db > 15 for e in layers)


def test_advice_names_the_knob() -> None:
    def layer(own: float = 40.0, saturated: float = 0.0, tensor: str = "t") -> analyze.LayerError:
        return analyze.LayerError(tensor, f"node_{tensor}", "Conv", 20, own, 1, -1, 1, (-1, 1), saturated, 20)

    options = Options("m.onnx", "net", "out")
    assert knobs.advice([layer()], 35, options, {})[0].startswith("nothing")
    assert "came quantised" in knobs.advice([layer()], 20, options, None)[0]
    assert "add samples like these" in knobs.advice([layer(saturated=0.1)], 20, options, {"t": (-0.5, 1.0)})[0]
    cut_on_purpose = knobs.advice([layer(saturated=0.1)], 20, options, {"t": (-1.0, 1.0)})
    assert not any("add samples" in text for text in cut_on_purpose)
    found = knobs.advice([layer(), layer(), layer(20, tensor="bad")], 20, options, {})
    assert any("--int16 'node_bad'" in text for text in found)
    assert any("--effort best" in text for text in found)
    vector = Options("m.onnx", "net", "out", chip="esp32s3", effort="best")
    assert any("--scheme affine" in text for text in knobs.advice([layer()], 20, vector, {}))


def test_metrics() -> None:
    a = np.float32([[1, 2], [3, 1]])
    assert metrics.sqnr_db(a, a) == metrics.EXACT_DB
    assert np.isclose(metrics.sqnr_db(a, a * 1.1), 20.0, atol=1e-4)
    assert np.isclose(metrics.cosine(a, a * 3), 1.0)
    assert metrics.agreement(a, np.float32([[1, 2], [1, 3]])) == 0.5
    assert metrics.agreement(a[:, :1], a[:, :1]) is None
    assert metrics.accuracy(a, np.array([1, -1])) == 1.0
    assert metrics.accuracy(a, np.array([-1, -1])) is None
    assert metrics.confusion(a, np.array([1, 1])).tolist() == [[0, 0], [1, 1]]
