"""The import contracts of pyproject.toml hold in the tree, and a forbidden import is caught."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bgp", "cellnet_core", "scenarios", "simulator", "topologies")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the tree at `root`, which must hold pyproject.toml and the packages."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--config", root / "pyproject.toml", "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "forbidden", "contract"),
    [
        ("topologies/planted.py", "import bgp", "topologies stands alone"),
        ("bgp/planted.py", "import cellnet_core.model.site", "bgp stands alone"),
        ("cellnet_core/agent/planted.py", "import simulator", "the core never imports the lab"),
        ("simulator/planted.py", "import cellnet_core.model.site", "the simulator knows topologies only"),
        ("scenarios/planted.py", "import cellnet_core.store", "only through its API client"),
        ("cellnet_core/model/planted.py", "import cellnet_core.agent", "arrows only go down"),
        ("cellnet_core/planner/planted.py", "import cellnet_core.drivers.fake", "composition roots only"),
        ("topologies/planted.py", "import mininet.net", "Mininet has one door"),
        ("simulator/planted.py", "import mininet.net", "Mininet has one door"),
        ("cellnet_core/agent/planted.py", "import ryu.base", "Ryu and os-ken have one door"),
        ("cellnet_core/openflow/planted.py", "import os_ken.base", "Ryu and os-ken have one door"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, module: str, forbidden: str, contract: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / module).write_text(f"{forbidden}\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if "BROKEN" in line]
    assert any(contract in line for line in broken), result.stdout
