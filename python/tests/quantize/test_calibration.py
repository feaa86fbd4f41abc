# SPDX-License-Identifier: CC0-1.0
"""Calibration data: how it is read, what is told about it, and which ranges the methods choose."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quantize_models import classifier, data, load

from espdl.cli import main
from espdl.errors import EspdlError, UsageError
from espdl.pipeline import Options
from espdl.quantize import Settings, calibration, run
from espdl.quantize.histogram import Distribution, Histogram
from espdl.quantize.methods import methods


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40), st.integers(1, 5))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_histogram_keeps_what_matters(values: list[float], parts: int) -> None:
    """Whatever the order and the growth of the range: counts, mean, ends, and a resolution of 1/1024 of the peak."""
    array = np.array(values, np.float32)
    histogram = Histogram()
    for part in np.array_split(array, parts):
        histogram.observe(part)
    d = histogram.distribution
    assert d.total == len(array)
    assert (d.low, d.high) == (min(0.0, array.min()), max(0.0, array.max()))
    peak = np.abs(array).max()
    assert np.isclose(d.values @ d.counts, array.astype(np.float64).sum(), atol=1e-6 * peak + 1e-30)
    if peak > np.finfo(np.float32).tiny:
        near = np.abs(array[:, np.newaxis] - d.values).min(axis=1)
        assert near.max() <= peak / 1024


def test_memory_of_a_histogram_does_not_grow() -> None:
    histogram = Histogram()
    for i in range(50):
        histogram.observe(np.random.default_rng(i).normal(0, 2.0**i, 1000))
    assert histogram.distribution.values.size <= 4097


def distribution(values: np.ndarray) -> Distribution:
    histogram = Histogram()
    histogram.observe(values)
    return histogram.distribution


def test_methods_on_an_outlier() -> None:
    """One value in a hundred thousand is fifty times as large as all others."""
    values = np.append(np.random.default_rng(0).normal(0, 1, 100_000), 200.0)
    ranges = {name: method(distribution(values)) for name, method in methods().items()}
    assert ranges["minmax"] == (values.min(), 200.0)
    for name in ("percentile", "entropy"):
        assert 2.0 < ranges[name][1] < 100.0, name
        assert ranges[name][0] < -2.0, name


@pytest.mark.parametrize("method", sorted(methods()))
def test_methods_on_extremes(method: str) -> None:
    assert methods()[method](distribution(np.zeros(10))) == (0.0, 0.0)
    low, high = methods()[method](distribution(np.full(10, 3.0)))
    assert low == 0.0
    assert 0.0 < high <= 3.0


def test_mse_is_not_worse_than_the_whole_range() -> None:
    d = distribution(np.random.default_rng(0).laplace(0, 1, 50_000))
    low, high = methods()["mse"](d)
    errors = [
        d.error((h - v) / 255, int(np.rint(-128 - v / ((h - v) / 255)))) for v, h in ((low, high), (d.low, d.high))
    ]
    assert errors[0] <= errors[1]


@pytest.mark.parametrize("kind", ["npy", "npz", "compressed", "fortran", "folder"])
def test_files_give_the_same_samples(kind: str, tmp_path: Path) -> None:
    model, values = load(classifier(), tmp_path), data(7)
    path = tmp_path / ("calib.npy" if kind == "npy" else "calib.npz")
    if kind == "npy":
        np.save(path, values)
    elif kind == "folder":
        path = tmp_path / "folder"
        path.mkdir()
        np.savez(path / "a.npz", x=values[:3])
        np.save(path / "b.npy", values[3:])
    elif kind == "fortran":
        np.savez(path, x=np.asfortranarray(values))
    else:
        (np.savez_compressed if kind == "compressed" else np.savez)(path, x=values)
    read = calibration.open(path, model)
    assert len(read) == 7
    np.testing.assert_array_equal(np.concatenate([s["x"] for s in read]), values)
    assert len(list(calibration.open(path, model, limit=4))) == 4


def _npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _broken(kind: str, path: Path) -> None:
    values = data(4)
    if kind == "nan":
        values[2, 0, 0, 0] = np.nan
    elif kind == "shape":
        values = values[:, :, :5]
    elif kind == "dtype":
        values = values.astype(np.int32)
    elif kind == "empty":
        values = values[:0]
    if kind == "text":
        path.write_text("no array")
    elif kind == "cut":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("x.npy", _npy(values)[:-1])
    elif kind == "damaged":
        np.savez(path, x=values)
        content = bytearray(path.read_bytes())
        content[1000] ^= 1
        path.write_bytes(content)
    elif kind == "name":
        np.savez(path, other=values)
    else:
        np.savez(path, x=values)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", "sample 2 of input 'x' holds NaN"),
        ("shape", r"expected \[N, 3, 12, 12\]"),
        ("dtype", "its dtype for input 'x' is int32"),
        ("empty", "it holds no samples"),
        ("text", "cannot be read as a numpy file"),
        ("name", "no array named 'x'"),
        ("cut", "it ends before its last sample"),
        ("damaged", "cannot be read at sample . .Bad CRC"),
    ],
)
def test_errors_say_what_is_wrong(kind: str, words: str, tmp_path: Path) -> None:
    _broken(kind, tmp_path / "calib.npz")
    with pytest.raises(EspdlError, match=words):
        list(calibration.open(tmp_path / "calib.npz", load(classifier(), tmp_path)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.repeat(data(1), 20, axis=0), "is the same in all 20"),
        (np.zeros((20, 3, 12, 12), np.float32), "is zero in all"),
        (data(20) / 100, "class 3 for all 20 calibration samples"),
        (data(20) * 1e6, "was the preprocessing"),
        (data(3), "3 samples"),
        (np.where(np.arange(60 * 432).reshape(60, 3, 12, 12) == 77, 1e3, data(60)).astype(np.float32), "single values"),
    ],
)
def test_suspicious_data_is_told(values: np.ndarray, words: str, tmp_path: Path) -> None:
    model = load(classifier(), tmp_path)
    np.save(tmp_path / "calib.npy", values)
    warnings = run(model, calibration.open(tmp_path / "calib.npy", model), Settings(effort="fast")).warnings
    assert any(words in w for w in warnings), warnings


def test_good_data_raises_no_warning(tmp_path: Path) -> None:
    model = load(classifier(), tmp_path)
    np.save(tmp_path / "calib.npy", data(20))
    assert run(model, calibration.open(tmp_path / "calib.npy", model), Settings(effort="fast")).warnings == ()


def test_a_negative_number_of_samples_is_a_wrong_option() -> None:
    with pytest.raises(UsageError, match="0 means all"):
        Options("net.onnx", "net", "out", calibration_samples=-1)
    with pytest.raises(SystemExit, match="2"):
        main(["quantize", "net.onnx", "--calibration-samples", "-1"])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("calibration_samples", "16", "a whole number"), ("profile", 1, "true or false"), ("shapes", [1], "an object")],
)
def test_options_of_another_type_are_told(key: str, value: object, words: str, tmp_path: Path) -> None:
    given = {"model": "net.onnx", "name": "net", "output": "out", key: value}
    (tmp_path / "options.json").write_text(json.dumps(given))
    with pytest.raises(UsageError, match=f"{key}.*not {words}"):
        Options.from_json(tmp_path / "options.json")
