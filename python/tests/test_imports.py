# SPDX-License-Identifier: Apache-2.0
"""Who may import whom (design): boundaries keep the stages easy to change."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "espdl"

# What every part may import. Plan types are values without behaviour, shared by all stages; traits are what is known of
# ONNX's operators.
EVERYONE = {
    "espdl",
    "espdl.discover",
    "espdl.errors",
    "espdl.foreign",
    "espdl.wording",
    "espdl.targets",
    "espdl.chips",
    "espdl.traits",
    "espdl.quantization",
    "espdl.plan.types",
    "espdl.plan.params",
    "espdl.plan.rows",
    "espdl.plan.stream_types",
    "espdl.plan.turns",
    "espdl.templates",
    "espdl.passes",
    "espdl.fresh",
}
OUTSIDE = {"numpy"}

# Part of the package -> (our own packages, packages of others) that it may import besides.
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "discover": (set(), set()),
    "errors": (set(), set()),
    "foreign": (set(), set()),
    "wording": (set(), set()),
    "targets": (set(), set()),
    "chips": (set(), set()),
    "templates": (set(), {"jinja2"}),
    "traits": (set(), set()),
    "quantization": (set(), set()),
    "passes": (set(), set()),
    "fresh": (set(), set()),
    "image": (set(), set()),
    "options": ({"emit"}, set()),
    "frontend": (set(), {"onnx", "onnx_ir", "google"}),
    "quantize": ({"frontend", "ops.numerics"}, {"onnx", "onnx_ir", "onnxruntime"}),
    "graph": ({"ops"}, set()),
    "partition": ({"ops", "graph", "quantize.types"}, {"tvm", "tvm_ffi", "onnx"}),
    "ops": (set(), set()),
    "backends": ({"ops"}, set()),
    "plan": (set(), {"typing_extensions"}),
    "emit": ({"plan"}, set()),
    "report": ({"plan"}, {"jinja2"}),
    "export": ({"emit"}, set()),
    "verify": (
        {
            "frontend",
            "quantize",
            "ops",
            "backends",
            "plan",
            "emit",
            "report",
            "options",
            "pipeline",
            "states",
            "project.environment",
        },
        {"onnx"},
    ),
    "project": (set(), {"packaging", "kconfiglib", "esp_kconfiglib", "jinja2"}),
    "pipeline": (
        {
            "frontend",
            "quantize",
            "partition",
            "graph",
            "ops",
            "options",
            "backends",
            "plan",
            "emit",
            "report",
            "states",
            "streaming",
        },
        set(),
    ),
    "streaming": ({"frontend", "options", "plan"}, set()),
    "states": ({"frontend", "options", "plan"}, {"onnx"}),
    "tune": (
        {"emit", "frontend", "options", "pipeline", "quantize", "report", "verify"},
        {"cloudpickle", "distributed", "joblib", "markupsafe", "optuna"},
    ),
    "cli": (set(), set()),
    "guard": ({"cli"}, set()),
    "commands": ({"options", "pipeline", "verify", "project", "report", "emit", "export", "support", "tune"}, set()),
    "support": ({"frontend", "ops", "backends", "partition", "pipeline", "report"}, {"onnx"}),
    "__init__": (set(), set()),
}


def _imports(path: Path) -> set[str]:
    """Absolute names of all modules that a file imports, wherever in the file."""
    package = ["espdl", *path.relative_to(PACKAGE).parent.parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from espdl import plan` names a package, `from espdl.plan import Plan` does not.
            found |= {f"{module}.{a.name}" for a in node.names} if module == "espdl" else {module}
    return found


def _allowed(name: str, part: str) -> bool:
    own, others = TABLE[part]
    if name == "espdl.__version__" or name in EVERYONE or name.startswith("espdl.chips."):
        return True
    if name.startswith("espdl."):
        inner = name.removeprefix("espdl.")
        return any(inner == a or inner.startswith(a + ".") for a in own | {part})
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or top in OUTSIDE:
        return True
    return any(name == a or name.startswith(a + ".") for a in others)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(PACKAGE)) for p in FILES])
def test_imports_follow_the_table(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert part in TABLE, f"{part} is not in the table: say what it may import"
    wrong = sorted(name for name in _imports(path) if not _allowed(name, part))
    assert not wrong, f"{part} must not import {', '.join(wrong)}"


def test_every_right_is_used() -> None:
    """A right that no file needs any more goes: the next import of that kind is a decision again."""
    used: dict[str, set[str]] = {}
    for path in FILES:
        used.setdefault(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), set()).update(_imports(path))

    def is_used(name: str, parts: Iterable[str]) -> bool:
        return any(n == name or n.startswith(f"{name}.") for part in parts for n in used[part])

    unused = [
        (part, own) for part, (rights, _) in TABLE.items() for own in rights if not is_used(f"espdl.{own}", [part])
    ]
    unused += [(part, name) for part, (_, others) in TABLE.items() for name in others if not is_used(name, [part])]
    unused += [("everyone", name) for name in EVERYONE if not is_used(name, used)]
    assert set(used) == set(TABLE) and not unused


def test_the_table_would_find_a_wrong_import() -> None:
    assert not _allowed("tvm", "plan")
    assert not _allowed("espdl.partition", "quantize")
    assert not _allowed("onnx", "emit")
    assert _allowed("espdl.plan.types", "ops")


@pytest.mark.parametrize("part", ["ops", "backends"])
def test_no_dataclass_is_made_twice(part: str) -> None:
    """What derives from Params or Operator is one already; the decorator fails there, wherever it is imported."""
    for path in (path for path in FILES if path.relative_to(PACKAGE).parts[0] == part):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and {"ABC", "Generic"}.isdisjoint(map(_name, node.bases)) and node.bases:
                decorators = [_name(decorator) for decorator in node.decorator_list]
                assert "dataclass" not in decorators, f"{path.name}: class {node.name} needs no @dataclass"


def _name(node: ast.AST) -> str:
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", "")


def test_classes_have_a_name_each() -> None:
    """Those that other files may use: two things of one name are taken for one another by who reads."""
    found: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path.relative_to(PACKAGE)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_private_hooks_into_tvm_are_in_one_file() -> None:
    for path in FILES:
        if path.name != "tvm_compat.py":
            text = path.read_text(encoding="utf-8")
            assert "onnx_frontend" not in text and "_ffi_api" not in text, f"{path} reaches into TVM's private parts"


def test_what_tests_share_has_one_name_each() -> None:
    """All folders are on one path in one process: of two modules of a name, the second would never be read."""
    root = PACKAGE.parents[1]
    files = [*(root / "python" / "tests").rglob("*.py"), *(root / "benchmarks").glob("*.py")]
    shared = sorted(p.name for p in files if p.name not in ("conftest.py", "__init__.py") and p.name[:5] != "test_")
    assert len(set(shared)) == len(shared) > 10, [name for name in shared if shared.count(name) > 1]
