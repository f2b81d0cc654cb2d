"""What a boot has changed is told, also when a later step of it fails."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cellnet_core.drivers.contract import DriverUnavailableError
from cellnet_core.drivers.openflow import OpenFlowGateway, boot
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import NoJournal
from tests.unit.openflow import samples


def prepare(patch: pytest.MonkeyPatch, flows: Any) -> None:
    """All steps but the last find what they want; the database lacks its controller until it is looked at."""
    lacking = ["controller of br-phy"]

    async def nothing(*_: Any) -> tuple[str, ...]:
        return ()

    async def database(*_: Any) -> tuple[str, ...]:
        found = tuple(lacking)
        lacking.clear()
        return found

    patch.setattr(OpenFlowGateway, "_start", lambda _self: None)
    patch.setattr(boot.switch, "foreign", lambda *_: ())
    patch.setattr(boot, "quiet", SimpleNamespace(physical_ports=lambda _site: (), ensure=nothing))
    patch.setattr(boot, "cables", SimpleNamespace(ensure=nothing))
    kernel = {
        "wanted": lambda _site: SimpleNamespace(before=(), settings=(), up=()),
        "missing_links": lambda _ports: (),
        "ensure_settings": lambda _settings: (),
        "ensure": nothing,
    }
    patch.setattr(boot, "kernel", SimpleNamespace(**kernel))
    patch.setattr(boot, "_read", nothing)
    patch.setattr(boot, "_database", database)
    patch.setattr(boot, "_internal_ports", nothing)
    patch.setattr(boot, "baseflows", SimpleNamespace(ensure=flows))


def test_a_boot_that_fails_midway_loses_nothing_of_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([DriverUnavailableError("the switch was just starting over"), ("base flows",), ()])

    async def flows(_site: Any) -> tuple[str, ...]:
        answer = next(answers)
        if isinstance(answer, DriverUnavailableError):
            raise answer
        return answer

    prepare(monkeypatch, flows)

    async def story() -> None:
        gateway = OpenFlowGateway(samples.site(1), SystemClock(), NoJournal())
        with pytest.raises(DriverUnavailableError):
            await gateway.boot()
        assert await gateway.boot() == ("controller of br-phy", "base flows")
        assert await gateway.boot() == ()

    asyncio.run(story())
