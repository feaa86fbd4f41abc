# SPDX-License-Identifier: CC0-1.0
"""What MEMORY auto must reach on networks that people deploy, with the frame at the caller."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

import networks  # noqa: E402 (the path above comes first)
import xtensa  # noqa: E402

from espdl import pipeline  # noqa: E402
from espdl.errors import UsageError  # noqa: E402
from espdl.plan.splits import instructions  # noqa: E402
from espdl.report import instructions as costs  # noqa: E402
from espdl.verify import host, samples  # noqa: E402

# Bytes of arena at most; 36,928 and 34,672 one layer after the other, by kernels that take no more flash.
MOST = {"vww_mobilenet": 13_500, "ic_resnet8": 21_500}


def compiled(folder: Path, name: str, memory: str, chip: str = "generic", **options: str) -> pipeline.Compilation:
    return pipeline.compile_model(
        pipeline.Options(
            model=str(folder / name / "model.onnx"),
            calibration=str(folder / name / "calib.npy"),
            name="net",
            output=str(folder / name / memory),
            chip=chip,
            memory=memory,
            input_memory="caller",
            dead_channels="keep",
            effort="fast",
            **options,
        )
    )


@pytest.mark.parametrize("name", MOST)
def test_small_networks(name: str, tmp_path: Path) -> None:
    networks.write(tmp_path, [name])
    made = {memory: compiled(tmp_path, name, memory, flash_budget="none") for memory in ("plain", "auto")}
    plan = made["auto"].plan
    assert plan.regions and plan.arena_bytes == plan.arena_lower_bound <= MOST[name]
    x = np.load(tmp_path / name / "eval.npz")["x"]
    outputs = []
    for memory, compilation in made.items():
        program = host.build(compilation.plan, compilation.files, "net", tmp_path / f"{memory}_program")
        outputs.append(program.run(samples.to_tensors(compilation.plan, {"input": x})).outputs)
    for port in plan.outputs:
        np.testing.assert_array_equal(outputs[0][port.name], outputs[1][port.name])


def test_auto_does_not_pay_with_kernels_that_take_flash(tmp_path: Path) -> None:
    """Winograd's save a quarter of all instructions: without them the arena is smaller, at a third more of those."""
    networks.write(tmp_path, ["ic_resnet8"])
    plain, auto, smallest = (compiled(tmp_path, "ic_resnet8", m).plan for m in ("plain", "auto", "smallest"))
    assert auto.regions and smallest.arena_bytes < auto.arena_bytes <= 0.9 * plain.arena_bytes
    work, less = (
        sum(instructions(call, plan.by_name, costs("generic")) for call in plan.calls) for plan in (auto, plain)
    )
    assert work <= 1.05 * less


def test_keywords_gain_nothing(tmp_path: Path) -> None:
    """All its tensors are alike, and the mean at its end needs every row."""
    networks.write(tmp_path, ["kws_dscnn"])
    assert not compiled(tmp_path, "kws_dscnn", "auto").plan.regions


def test_bytes_that_an_arena_may_have(tmp_path: Path) -> None:
    """The cheapest program that fits: no more parts of layers than the smallest one has, none at all with much room."""
    networks.write(tmp_path, ["vww_mobilenet"])
    made = {m: compiled(tmp_path, "vww_mobilenet", m, "esp32s3").plan for m in ("plain", "smallest", "18000")}
    assert made["smallest"].arena_bytes < made["18000"].arena_bytes <= 18000 < made["plain"].arena_bytes
    (dear,), (cheap,) = made["smallest"].regions, made["18000"].regions
    assert (cheap.first, cheap.stop) == (dear.first, dear.stop)
    assert all(more >= fewer for more, fewer in zip(cheap.caps, dear.caps)) and cheap.caps != dear.caps
    room = str(made["plain"].arena_bytes)
    assert not compiled(tmp_path, "vww_mobilenet", room, "esp32s3").plan.regions
    with pytest.raises(
        UsageError, match=f"the smallest arena of this network has {made['smallest'].arena_bytes} bytes"
    ):
        compiled(tmp_path, "vww_mobilenet", "9000", "esp32s3")


@pytest.mark.skipif(xtensa.available() is not None, reason=str(xtensa.available()))
def test_what_little_memory_costs_on_the_esp32s3(tmp_path: Path) -> None:
    """Counted, not estimated: less than half of the arena for a tenth more instructions."""
    networks.write(tmp_path, ["vww_mobilenet"])
    made = {memory: compiled(tmp_path, "vww_mobilenet", memory, "esp32s3").plan for memory in ("plain", "18000")}
    counted = {m: xtensa.count(plan, tmp_path / "vww_mobilenet" / m, tmp_path / m).total for m, plan in made.items()}
    assert made["18000"].arena_bytes <= 18000 <= 0.5 * made["plain"].arena_bytes
    assert counted["18000"] <= 1.10 * counted["plain"]
