# SPDX-License-Identifier: CC0-1.0
"""Generated C equals the reference bit for bit, and the comparison sees every kind of mistake."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import hand_made
import numpy as np
import pytest

from espdl.errors import EspdlError
from espdl.plan.types import Plan
from espdl.verify import host
from espdl.verify.compare import first_difference

STRICT = ("-Werror",)


@pytest.mark.parametrize("flags", [STRICT, host.SANITIZERS], ids=["plain", "sanitized"])
@pytest.mark.parametrize("channels", [1, 4, 7, 8])
def test_equals_reference(build_root: Path, channels: int, flags: tuple[str, ...]) -> None:
    plan = hand_made.residual_network(seed=channels, channels=channels)
    folder = build_root / f"residual{channels}{len(flags)}"
    program = host.build(plan, hand_made.render(plan), "net", folder, flags=flags)
    inputs = hand_made.samples(plan, 20)
    assert first_difference(plan, inputs, program.run(inputs, layers=True)) is None
    assert first_difference(plan, inputs, program.run(inputs)) is None


OPTIONS = [{"arena": "static"}, {"weights": "ram"}, {"weights": "psram"}, {"layers": False}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(build_root: Path, options: dict) -> None:
    plan = hand_made.residual_network()
    folder = build_root / "_".join(map(str, options.values()))
    program = host.build(plan, hand_made.render(plan, **options), "net", folder, flags=STRICT)
    inputs = hand_made.samples(plan, 3)
    assert first_difference(plan, inputs, program.run(inputs)) is None
    if options == {"layers": False}:
        with pytest.raises(RuntimeError, match="ESPDL_NO_LAYERS"):
            program.run(inputs, layers=True)


def test_generated_function_and_scratch(build_root: Path) -> None:
    plan = hand_made.scratch_network()
    program = host.build(plan, hand_made.render(plan), "net", build_root / "scratch", flags=host.SANITIZERS)
    inputs = hand_made.samples(plan, 4)
    results = program.run(inputs, layers=True)
    assert first_difference(plan, inputs, results) is None
    assert np.array_equal(results.outputs["y"], inputs["x"])


def broken_weight(plan: Plan) -> Plan:
    """The reference gets another weight than the program."""
    first, call, *rest = plan.calls
    data = call.constant("weights").copy()
    data.flat[4] = data.flat[4] // 2 + 40
    constants = tuple(dataclasses.replace(c, data=data) if c.name == "weights" else c for c in call.constants)
    return dataclasses.replace(plan, calls=(first, dataclasses.replace(call, constants=constants), *rest))


def test_difference_names_the_layer(build_root: Path) -> None:
    plan = hand_made.residual_network()
    program = host.build(plan, hand_made.render(plan), "net", build_root / "plain")
    inputs = hand_made.samples(plan, 3)
    found = first_difference(broken_weight(plan), inputs, program.run(inputs, layers=True))
    assert found is not None
    assert (found.call, found.tensor) == (1, "depth")
    assert "layer 1, tensor 'depth'" in str(found)
    assert first_difference(broken_weight(plan), inputs, program.run(inputs)).call is None


def test_overlapping_memory_shows(build_root: Path) -> None:
    """A memory plan that puts two living tensors into one place gives another result than the reference."""
    plan = hand_made.residual_network()
    stem = plan.tensor("stem").offset
    moved = tuple(dataclasses.replace(t, offset=stem) if t.name == "depth" else t for t in plan.tensors)
    plan = dataclasses.replace(plan, tensors=moved)
    program = host.build(plan, hand_made.render(plan), "net", build_root / "overlap")
    inputs = hand_made.samples(plan, 3)
    assert first_difference(plan, inputs, program.run(inputs)) is not None


@pytest.mark.parametrize(("flags", "message"), [((), "outside of the arena"), (host.SANITIZERS, "AddressSanitizer")])
def test_write_outside_of_the_arena_stops(build_root: Path, flags: tuple[str, ...], message: str) -> None:
    plan = dataclasses.replace(hand_made.residual_network(), arena_bytes=512)
    program = host.build(plan, hand_made.render(plan), "net", build_root / f"outside{len(flags)}", flags=flags)
    with pytest.raises(RuntimeError, match=message):
        program.run(hand_made.samples(plan, 1))


def test_refusals(build_root: Path) -> None:
    plan = hand_made.residual_network()
    files = hand_made.render(plan)
    program = host.build(plan, files, "net", build_root / "plain")
    with pytest.raises(ValueError, match="the input 'image' is float32"):
        program.run({"image": np.zeros((2, 1, 8, 8, 1), np.float32)})
    with pytest.raises(ValueError, match="int8"):
        program.run({"image": np.zeros((2, 1, 8, 8, 2), np.int8)})
    with pytest.raises(EspdlError, match="refused it"):
        host.build(plan, files.with_file("net.c", b"#error no"), "net", build_root / "error")


def test_library_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a source, a header or a flag changes; of a component with one small source."""
    library = host.library.__wrapped__  # not the one that all tests share
    monkeypatch.setattr(host, "COMPONENT", tmp_path)
    source, header = tmp_path / "src" / "one.c", tmp_path / "include" / "one.h"
    for path, text in ((source, '#include "one.h"\nint one(void) { return ONE; }\n'), (header, "#define ONE 1\n")):
        path.parent.mkdir()
        path.write_text(text)
    first = library(tmp_path)
    stamp = first.stat().st_mtime_ns
    assert library(tmp_path) == first
    assert first.stat().st_mtime_ns == stamp
    different = [first, library(tmp_path, flags=("-DOTHER",))]
    for path in (source, header):
        path.write_text(path.read_text() + "/* changed */\n")
        different.append(library(tmp_path))
    assert len({*different}) == 4 and all(path.exists() for path in different)
