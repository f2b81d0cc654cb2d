"""The one hook that this plugin brings: where its labs come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scenarios.plugin.factory import Factory


@pytest.hookspec(firstresult=True)
def pytest_cellnet_factory(config: pytest.Config) -> Factory | None:
    """Return what starts labs in this process; asked once, when a test first needs one.

    None leaves it to the next plugin, at last to `scenarios.plugin.factory.Labs`, which starts real labs on
    this machine.
    """
