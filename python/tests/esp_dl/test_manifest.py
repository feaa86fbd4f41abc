# SPDX-License-Identifier: CC0-1.0
"""Who downloads espressif/esp-dl: the rules of the manifest, evaluated by the IDF component manager itself, offline."""

from __future__ import annotations

import itertools
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

REASON = "the rules are the component manager's: pip install 'idf-component-manager>=2.2'"
solving = pytest.importorskip("idf_component_manager.version_solver.version_solver", reason=REASON)
debugger = pytest.importorskip("idf_component_tools.debugger", reason=REASON)
manager = pytest.importorskip("idf_component_tools.manager", reason=REASON)
utils = pytest.importorskip("idf_component_tools.utils", reason=REASON)

REPOSITORY = Path(__file__).resolve().parents[3]
COMPONENTS = (REPOSITORY, REPOSITORY / "cmake" / "idf" / "espdl_onnx")
ESP_DL = "espressif/esp-dl"


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch):
    """A function that sets chip, version of ESP-IDF and choice of kernels (None: menuconfig has not run yet)."""

    def configure(target: str, idf: str, kernels: str | None) -> debugger.SdkconfigContext:
        monkeypatch.setenv("IDF_TARGET", target)
        monkeypatch.setenv("IDF_VERSION", idf)
        context = debugger.SdkconfigContext()
        if kernels is not None:
            context.sdkconfig["ESPDL_KERNELS"] = kernels
        debugger.KCONFIG_CONTEXT.set(context)
        return context

    return configure


def dependencies(component: Path) -> dict[str, str]:
    manifest = manager.ManifestManager(str(component), "espdl_onnx").load()
    return {r.name: r.version for r in manifest.requirements if r.meet_optional_dependencies}


@pytest.mark.parametrize("component", COMPONENTS, ids=["component", "clone"])
@pytest.mark.parametrize("idf", ["5.5.0", "5.5.5", "6.0.0", "6.1.0"])
def test_only_who_chose_its_kernels_downloads_esp_dl(configured, idf: str, component: Path) -> None:
    rules_read_menuconfig = idf >= "6"
    targets = ["linux", "esp32", "esp32s2", "esp32c3", "esp32c6", "esp32s3", "esp32p4"]
    targets += ["esp32s31"] if rules_read_menuconfig else []  # ESP-IDF 5.5 does not know it
    for target, kernels in itertools.product(targets, ("auto", "portable", "own", "esp_dl")):
        context = configured(target, idf, kernels)
        found = dependencies(component)
        wanted = {
            "esp32s3": rules_read_menuconfig and kernels == "esp_dl",
            "esp32p4": not rules_read_menuconfig or kernels in ("auto", "esp_dl"),
            "esp32s31": kernels in ("auto", "esp_dl"),
        }
        assert (ESP_DL in found) == wanted.get(target, False), (target, kernels)
        assert found.get(ESP_DL, ">=3.3.8,<3.4") == ">=3.3.8,<3.4"
        assert not context.missed_keys


def test_other_targets_never_ask_menuconfig(configured) -> None:
    """Before menuconfig has run, the two chips ask the component manager to come back; nobody else does."""
    for target, asks in (("linux", False), ("esp32c3", False), ("esp32s3", True), ("esp32p4", True)):
        context = configured(target, "6.0.0", None)
        assert ESP_DL not in dependencies(REPOSITORY)
        assert set(context.missed_keys) == ({"ESPDL_KERNELS"} if asks else set())


def test_a_local_copy_takes_its_place(configured, tmp_path: Path) -> None:
    """A project resolves everything from local folders, without a network."""
    if Version(metadata.version("idf-component-manager")) < Version("3.0.1"):
        pytest.skip("before 3.0.1 some ask the network for dependencies of dependencies, local or not")
    configured("esp32p4", "6.0.0", "auto")
    esp_dl, main = tmp_path / "esp-dl", tmp_path / "main"
    for folder in (esp_dl, main):
        folder.mkdir()
    (esp_dl / "idf_component.yml").write_text('version: "3.3.9"\n')
    (esp_dl / "CMakeLists.txt").write_text("idf_component_register()\n")
    overrides = {"espdl_onnx": REPOSITORY, ESP_DL: esp_dl}
    lines = [f'  {name}:\n    version: "*"\n    override_path: "{path}"\n' for name, path in overrides.items()]
    (main / "idf_component.yml").write_text("dependencies:\n" + "".join(lines))
    manifest = manager.ManifestManager(str(main), "main").load()
    solution = solving.VersionSolver(utils.ProjectRequirements([manifest])).solve()
    assert {d.name: str(d.version) for d in solution.dependencies}[ESP_DL] == "3.3.9"
