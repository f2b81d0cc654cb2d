"""A sandbox with the nodes main and east, two links between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.bgp.sandbox import Sandbox, can_make_namespaces
from tests.daemon.bgp.sides import make_link


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    if not can_make_namespaces():
        pytest.skip("this user may not make namespaces (sysctl or AppArmor forbids it)")
    with Sandbox(tmp_path) as made:
        made.node("main")
        made.node("east")
        for link in (1, 2):
            make_link(made, link)
        yield made
