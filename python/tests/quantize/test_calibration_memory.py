# SPDX-License-Identifier: CC0-1.0
"""Memory and open files do not depend on the number of calibration samples; a long calibration shows where it is."""

from __future__ import annotations

import io
import resource
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from quantize_models import Builder, classifier, data, load

from espdl.commands.progress import Progress
from espdl.frontend import Model
from espdl.quantize import Calibration, Settings, calibration, run
from espdl.quantize.graph import Graph
from espdl.quantize.placement import place
from espdl.quantize.ranges import observe

SHAPE = (1, 64, 64)
SAMPLE_BYTES = 4 * 64 * 64


def small_network(folder: Path) -> Model:
    b = Builder((1, *SHAPE))
    x = b.node("Relu", b.conv("x", 1, 2, kernel=5, pad=0, strides=[4, 4]))
    return load(b.model(b.conv(x, 2, 2, kernel=1, pad=0)), folder)


def peak(work: Callable[[Calibration], object], samples: Calibration) -> int:
    """Bytes that Python and numpy had allocated at most during `work`."""
    tracemalloc.start()
    try:
        work(samples)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def saved(kind: str, count: int, folder: Path) -> Path:
    path = folder / f"{count}.{kind}"
    values = np.random.default_rng(count).normal(0, 1, (count, *SHAPE)).astype(np.float32)
    if kind == "npz":
        np.savez_compressed(path, x=values)
    elif kind == "folder":
        path.mkdir()
        for index, part in enumerate(np.array_split(values, 4)):
            np.save(path / f"{index}.npy", part)
    else:
        np.save(path, values)
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "folder"])
def test_statistics_take_the_memory_of_one_sample(kind: str, tmp_path: Path) -> None:
    model = small_network(tmp_path)
    tensors = place(Graph(model.proto)).quantized
    peaks = []
    for count in (5, 100):
        path = saved(kind, count, tmp_path)
        peaks.append(peak(lambda s: observe(model.proto, tensors, s), calibration.open(path, model)))
    assert peaks[1] < peaks[0] + 8 * SAMPLE_BYTES  # a histogram that grows is copied


def test_refinement_takes_the_memory_of_its_largest_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many samples are kept to be seen again, whatever their number."""
    monkeypatch.setattr("espdl.quantize.refine.layer_by_layer._MOST_SAMPLES", 16)
    model = small_network(tmp_path)
    peaks = []
    for count in (16, 100):
        path = saved("npy", count, tmp_path)
        peaks.append(peak(lambda s: run(model, s, Settings()), calibration.open(path, model)))
    assert peaks[0] > 16 * SAMPLE_BYTES
    assert peaks[1] < peaks[0] + 8 * SAMPLE_BYTES


def test_a_folder_may_hold_more_files_than_can_be_open(tmp_path: Path) -> None:
    model, values = load(classifier(), tmp_path), data(90)
    folder = tmp_path / "samples"
    folder.mkdir()
    for index, sample in enumerate(values):
        np.save(folder / f"{index:03}.npy", sample[np.newaxis])
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        read = np.concatenate([s["x"] for s in calibration.open(folder, model)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    np.testing.assert_array_equal(read, values)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(classifier(), tmp_path)
    np.save(tmp_path / "calib.npy", data(12))
    monkeypatch.setattr("espdl.commands.progress._PAUSE", 0.0)
    shown = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", stream)
        with Progress() as progress:
            run(model, calibration.open(tmp_path / "calib.npy", model), Settings(), progress)
        shown.append(stream.getvalue())
    assert f"calibrate [{'#' * 15}{'.' * 15}] 6/12" in shown[0]
    assert "refine [" in shown[0]
    assert shown[0].endswith("\r\x1b[K")
    assert shown[1] == ""
