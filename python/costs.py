# SPDX-License-Identifier: Apache-2.0
"""Writes python/espdl/report/costs.json: code bytes and instructions of every kernel, for rv32imc and for Xtensa.

python python/costs.py [rv32] [xtensa]      (make costs; needs GCC and QEMU for both)

Code: the sections that a linker keeps for each kernel, and what the generated part of a layer takes. Instructions:
counts of layers in networks with random weights, and through them the line [once, per output value, per
multiplication] with the least relative error.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / path) for path in ("python", "benchmarks")]
sys.path[:0] = [str(ROOT / "python" / "tests" / path) for path in ("inputs", "operators", "shared")]

import compiled_once  # noqa: E402 (the paths above come first)
import input_models  # noqa: E402
import networks  # noqa: E402
import onnx  # noqa: E402
import usual_networks  # noqa: E402
import xtensa  # noqa: E402
from stack import kernels  # noqa: E402

from espdl import backends, emit, pipeline  # noqa: E402
from espdl.plan.types import Plan  # noqa: E402
from espdl.report import costs  # noqa: E402
from espdl.verify import cost, host, rv32  # noqa: E402

NOT_ON_XTENSA = (*xtensa.EMULATIONS, "image", "log_identity", "profile", "taps")  # what needs a C library
TABLE = ROOT / "python" / "espdl" / "report" / "costs.json"
RUNTIME = ("espdl_run", "espdl_init", "espdl_input", "espdl_output")
_KEPT = re.compile(r"^ \.(text|rodata|srodata|data|sdata|literal|irom)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", re.M)

Samples = dict[str, list[tuple[int, int, int]]]  # kernel -> (output values, multiply-accumulates, instructions)
# (roots, map file) -> links them and what they need, and writes the map.
Link = Callable[[Sequence[str], Path], None]


def sections(link: Link, roots: Sequence[str], folder: Path) -> dict[str, int]:
    """`object:section` -> bytes, of all code and constants that a linker keeps for `roots`."""
    path = folder / "link.map"
    link(roots, path)
    text = path.read_text(encoding="utf-8").partition("Linker script and memory map")[2]
    text = re.sub(r"^( \.\S+)\n\s+", r"\1 ", text, flags=re.M)  # long names have a line of their own
    found: dict[str, int] = {}
    for match in _KEPT.finditer(text):
        name = match[0].split()[0]
        size = int(match[2], 16)
        if size:
            key = f"{Path(match[3]).name.rpartition('(')[2].rstrip(')')}:{name}"
            found[key] = found.get(key, 0) + size
    return found


def sizes(link: Link, names: Sequence[str], folder: Path) -> dict[str, object]:
    """`sections`: bytes by name; `run` and each of `kernels`: the names of those that it needs, run's apart."""
    run = sections(link, RUNTIME, folder)
    everything, needed = dict(run), {}
    for name in names:
        mine = sections(link, [*RUNTIME, name], folder)
        everything |= {key: max(size, everything.get(key, 0)) for key, size in mine.items()}
        needed[name] = sorted(set(mine) - set(run))
    number = {key: index for index, key in enumerate(everything)}
    return {
        "sections": list(everything.values()),
        "run": [number[key] for key in run],
        "kernels": {name: [number[key] for key in keys] for name, keys in needed.items()},
    }


def line_through(samples: Sequence[tuple[int, int, int]]) -> list[float]:
    """[once, per output, per MAC], none negative, with the least squares of relative errors.

    Never more numbers than there are samples, and never "once" alone: a layer of twice the size takes longer.
    """
    features = np.array([[1, outputs, macs] for outputs, macs, _ in samples], float)
    wanted = np.array([count for *_, count in samples], float)
    sizes_seen = len({(outputs, macs) for outputs, macs, _ in samples})
    best, least = np.zeros(3), np.inf
    for columns in ((2,), (1,), (0, 2), (0, 1), (1, 2), (0, 1, 2)):
        chosen = features[:, columns] / wanted[:, None]
        if len(columns) > sizes_seen or not chosen.any(axis=0).all():
            continue
        found, *_ = np.linalg.lstsq(chosen, np.ones(len(wanted)), rcond=None)
        error = float(((chosen @ found - 1) ** 2).sum())
        if (found >= 0).all() and error < least * 0.999 - 1e-12:
            best, least = np.zeros(3), error
            best[list(columns)] = found
    return [float(f"{value:.4g}") for value in best]


def compiled(
    folder: Path, chip: str, scheme: str, precision: str = "int8"
) -> Iterator[tuple[pipeline.Compilation, Path]]:
    """Those of benchmarks/networks.py but large ones, usual ones; blocks with each kernel that takes more flash."""
    models = folder / "models"
    if not models.exists():
        networks.write(models, [*networks.NETWORKS, *networks.OTHERS])
        usual = {f"usual_{name}": build for name, build in usual_networks.NETWORKS.items()}
        for name, build in {**usual, **BLOCKS, **ROWS}.items():
            (models / name).mkdir()
            proto = build()
            onnx.save(proto, models / name / "model.onnx")
            shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
            values = np.random.default_rng(1).standard_normal((8, *shape[1:])).astype(np.float32)
            if (
                len(proto.graph.input) == 1
                and proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
            ):
                np.save(models / name / "calib.npy", values)
    for model in sorted(p.parent for p in models.glob("*/calib.npy")):
        out = folder / f"{model.name}_{chip}_{scheme}_{precision}"
        options = pipeline.Options(
            model=str(model / "model.onnx"),
            calibration=str(model / "calib.npy"),
            name="net",
            output=str(out),
            chip=chip,
            scheme=scheme,
            precision=precision,
            effort="fast",
            profile=True,
            flash_budget="none",
        )
        yield pipeline.compile_model(options), out
        for kernel in LARGE_WEIGHTS if precision == "int8" and model.name in BLOCKS else ():
            with preferring(kernel):
                compilation = pipeline.compile_model(replace(options, flash_budget="100000000"))
            yield compilation, out


# What a network makes of a picture, and how that lies in memory.
PICTURES = (("scale", "NHWC"), ("channels", "NHWC"), ("channels", "NCHW"))
# Parts of the names of kernels that take more flash, and networks of layers that can have them.
LARGE_WEIGHTS = ("winograd_2x2", "winograd_2x4")
BLOCKS: dict[str, Callable[[], onnx.ModelProto]] = {}


def residual_blocks(size: int, *channels: int) -> Callable[[], onnx.ModelProto]:
    """Makes a network of 3x3 convolutions of so many channels, each followed by one whose sum with it goes on."""

    def build() -> onnx.ModelProto:
        net = usual_networks.Net(f"blocks_{size}")
        x = net.input("x", 1, 8, size, size)
        for count in channels:
            x = net.relu(net.conv(x, count, 3))
            x = net.node("Add", net.conv(net.relu(net.conv(x, count, 3)), count, 3), x)
        net.output(net.relu(x), "y")
        return net.model()

    return build


for _size, *_channels in ((32, 8), (16, 16, 32), (9, 32, 12), (8, 48, 64), (5, 24)):
    BLOCKS[f"blocks_{_size}"] = residual_blocks(_size, *_channels)


def softmax_rows(count: int, length: int) -> Callable[[], onnx.ModelProto]:
    """Makes a network that is the softmax of so many rows."""

    def build() -> onnx.ModelProto:
        net = usual_networks.Net(f"rows_{length}")
        net.output(net.node("Softmax", net.input("x", 1, count, length), axis=-1), "y")
        return net.model()

    return build


# As attention has them, of other lengths than the networks' are.
ROWS = {f"rows_{length}": softmax_rows(count, length) for count, length in ((30, 65), (20, 197), (5, 1000))}


@contextmanager
def preferring(kernel: str) -> Iterator[None]:
    """Gives layers the kernels with `kernel` in their names wherever there are any, and no others that take more."""
    known = {chip: table["instructions"] for chip, table in costs.tables().items()}
    names = {name for table in known.values() for name in table} | set(kernels())
    wanted = {name: (0.0, 0.0, 0.0 if kernel in name else 1.0) for name in names}
    wanted |= {name: (0.0, 0.0, 1e6) for name in names for other in LARGE_WEIGHTS if other in name and other != kernel}
    try:
        for chip in known:
            costs.tables()[chip]["instructions"] = wanted
        yield
    finally:
        for chip, instructions in known.items():
            costs.tables()[chip]["instructions"] = instructions


def mixed(folder: Path, chip: str) -> Iterator[tuple[pipeline.Compilation, Path]]:
    """The four networks with 16 bits in every second layer that has weights: what lies where widths meet."""
    for name in networks.NETWORKS:
        model, out = folder / "models" / name, folder / f"{name}_{chip}_mixed"
        options = pipeline.Options(
            model=str(model / "model.onnx"),
            calibration=str(model / "calib.npy"),
            name="net",
            output=str(out),
            chip=chip,
            scheme="affine",
            effort="fast",
            profile=True,
        )
        _, quantized, _ = pipeline.quantize_model(options)
        layers = [n.name for n in quantized.float_proto.graph.node if n.op_type in ("Conv", "Gemm")]
        yield pipeline.compile_model(replace(options, int16=tuple(layers[::2]))), out


def pictures(folder: Path, chip: str) -> Iterator[tuple[pipeline.Compilation, Path]]:
    """Networks of integers as sensors give them, divided by one number, or made of another mean for each channel."""
    for kind, steps, size in itertools.product(("uint8", "int16", "uint16"), PICTURES, (12, 24)):
        out = folder / f"{kind}_{'_'.join(steps)}_{size}_{chip}"
        out.mkdir()
        proto = input_models.picture(steps[0], kind, 1, steps[1], size)
        onnx.save(proto, out / "model.onnx")
        (x,) = proto.graph.input
        shape = [d.dim_value for d in x.type.tensor_type.shape.dim]
        np.save(out / "calib.npy", input_models.integers(kind, 8, *shape[1:]))
        options = pipeline.Options(
            model=str(out / "model.onnx"),
            calibration=str(out / "calib.npy"),
            name="net",
            output=str(out / "net"),
            chip=chip,
            scheme="affine",
            effort="fast",
            profile=True,
        )
        yield pipeline.compile_model(options), out / "net"


def add(samples: Samples, plan: Plan, counts: Sequence[int], besides: Collection[str] = ()) -> None:
    """The layers of a plan, without those of kernels in `besides`."""
    for call, count in zip(plan.calls, counts):
        if call.function not in besides:
            samples[call.function].append((*costs.work(plan, call), count))


def fitted(samples: Mapping[str, list]) -> dict[str, list[float]]:
    return {name: line_through(rows) for name, rows in sorted(samples.items()) if name.startswith("espdl_")}


def without_table(compilation: pipeline.Compilation) -> emit.Files:
    """The generated files as they are without profile and taps."""
    return emit.render(compilation.plan, "net", packings=backends.packings(), identity=compilation.identity)


def layer_code(table: Mapping, generated: Sequence[tuple[Plan, int]]) -> list[float]:
    """[once, per layer, per argument]: bytes of generated code, from whole images without weights."""
    rows, rest = [], []
    for plan, total in generated:
        rows.append([1, len(plan.calls), sum(costs.arguments(call) for call in plan.calls)])
        rest.append(total - costs.linked_bytes(table, plan) - costs.data_bytes(plan, "net"))
    found, *_ = np.linalg.lstsq(np.array(rows, float), np.array(rest, float), rcond=None)
    return [float(f"{value:.4g}") for value in found]


def for_rv32(folder: Path) -> dict[str, object]:
    archive = rv32.library(folder)
    samples: Samples = defaultdict(list)
    generated: list[tuple[Plan, int]] = []

    def link(roots: Sequence[str], path: Path) -> None:
        rv32.link_roots(folder / "roots.elf", roots, [archive], [f"-Wl,-Map={path}"])

    table = sizes(link, kernels(), folder)
    for scheme, precision in (("affine", "int8"), ("power_of_two", "int8"), ("affine", "int16x8")):
        for compilation, out in compiled(folder, "generic", scheme, precision):
            add(samples, compilation.plan, cost.measure(out, compilation.report).layers)
            if (scheme, precision) == ("affine", "int8") and not compilation.plan.functions:
                code = rv32.code_size(without_table(compilation), "net", folder / "size")
                generated.append((compilation.plan, code.total))
    known = set(samples)
    for compilation, out in (*mixed(folder, "generic"), *pictures(folder, "generic")):
        add(samples, compilation.plan, cost.measure(out, compilation.report).layers, known)
    return {
        "source": rv32.description(),
        **table,
        "layer": layer_code(table, generated),
        "instructions": fitted(samples),
    }


def for_xtensa(folder: Path) -> dict[str, object]:
    """Kernels of chips too; each vector instruction of the ESP32-S3 is one other instruction here."""
    ports = [path for chip in xtensa.PORTS for path in xtensa.port_sources(chip)]
    sources = [*(ROOT / "src").glob("*.c"), *(ROOT / "src" / "kernels").glob("*.c"), *ports]
    objects = [xtensa.compile_object(p, folder) for p in sorted(sources) if p.stem not in NOT_ON_XTENSA]
    samples: Samples = defaultdict(list)
    generated: list[tuple[Plan, int]] = []

    def link(roots: Sequence[str], path: Path) -> None:
        flags = ["-nostdlib", "-r", "-Wl,--gc-sections", f"-Wl,-e,{roots[0]}", f"-Wl,-Map={path}"]
        undefined = [f"-Wl,-u,{root}" for root in roots]
        host.run_tool(xtensa.GCC, *flags, *undefined, *map(str, objects), "-lgcc", "-o", str(folder / "roots.o"))

    headers = sorted(path for port in xtensa.PORTS.values() for path in (port / "include").rglob("*.h"))
    own = re.findall(
        r"^(?:ESPDL_S3_INLINE )?void (espdl_(?:mac16|s3)_\w+)\(", "\n".join(h.read_text("utf-8") for h in headers), re.M
    )
    table = sizes(link, [*kernels(), *own], folder)
    targets = [("esp32s3", "power_of_two", "int8"), ("esp32s3", "affine", "int8"), ("esp32s2", "affine", "int8")]
    targets += [("esp32", "affine", precision) for precision in ("int8", "int16x8")]
    for chip, scheme, precision in targets:
        for compilation, out in compiled(folder, chip, scheme, precision):
            plan = compilation.plan
            counts = counted_on_xtensa(compilation, out, folder / "build")
            if counts is None:
                continue
            add(samples, plan, counts)
            code = xtensa.compile_object(out / "net.c", folder / "build", [f"-I{out}"])
            generated.append((plan, costs.linked_bytes(table, plan) + object_bytes(code)))
    known = set(samples)
    more = (mixed(folder, "esp32"), pictures(folder, "esp32s2"), pictures(folder, "esp32s3"))
    for compilation, out in (*compiled(folder, "esp32", "affine", "int16x8"), *itertools.chain(*more)):
        add(samples, compilation.plan, counted_on_xtensa(compilation, out, folder / "build") or (), known)
    # The compiler of another core of the family, on a core with hardware loops (benchmarks/xtensa).
    source = f"Xtensa, gcc {host.run_tool(xtensa.GCC, '-dumpfullversion').strip()} for lx106 -O2"
    return {"source": source, **table, "layer": layer_code(table, generated), "instructions": fitted(samples)}


def counted_on_xtensa(compilation: pipeline.Compilation, out: Path, build: Path) -> Sequence[int] | None:
    """Instructions of each layer; None for a model that needs the C library, which the bare core here has not."""
    without_table(compilation).write(out)
    try:
        return xtensa.count(compilation.plan, out, build).layers
    except RuntimeError as error:
        if "undefined reference" in str(error) or "math.h: No such file" in str(error):
            return None
        raise


def object_bytes(path: Path) -> int:
    lines = host.run_tool("xtensa-lx106-elf-size", "-A", str(path)).splitlines()
    return sum(int(line.split()[1]) for line in lines if re.match(r"\.(text|rodata|literal|data)", line))


def main(architectures: Sequence[str]) -> int:
    reason = rv32.available() or xtensa.available()
    if reason is not None:
        print(f"costs.py: {reason}", file=sys.stderr)
        return 1
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}
    for name, measure in (("rv32", for_rv32), ("xtensa", for_xtensa)):
        if name in (architectures or (name,)):
            with tempfile.TemporaryDirectory() as folder:
                compiled_once.Store.root = Path(folder)
                table[name] = measure(Path(folder))
            text = json.dumps(table, separators=(",", ":")).replace('],"', '],\n"')
            TABLE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
