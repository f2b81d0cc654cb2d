"""BFD timers in the switch's database: read, compared, written key by key, and left alone by the boot."""

from __future__ import annotations

from typing import Any

from cellnet_core.drivers.contract import PortTimers
from cellnet_core.drivers.openflow import ovsdb, switch, timers
from tests.unit.openflow import samples

SITE = samples.site(1)
SLOW = {"enable": "true", "min_tx": "100", "min_rx": "200", "mult": "5"}


def database(bfd: dict[str, str]) -> ovsdb.Database:
    """The first WAN port's row says that; there are no others."""
    empty: dict[str, Any] = {table: {} for table in ovsdb.COLUMNS}
    return {**empty, "Interface": {"i1": {"name": "wan1", "bfd": bfd}}}


def test_what_is_seen() -> None:
    assert timers.seen(SITE, database(SLOW)) == (PortTimers("wan1", 100, 200, 5),)
    assert timers.seen(SITE, database({**SLOW, "enable": "false"})) == ()
    assert timers.seen(SITE, database({})) == ()
    assert timers.seen(SITE, None) == ()
    for strange in ("", "-1", "many"):
        assert timers.seen(SITE, database({**SLOW, "mult": strange})) == (PortTimers("wan1", 100, 200, 0),)


def test_only_what_differs_is_changed_and_said() -> None:
    wanted = PortTimers("wan1", 10, 10, 5, "the profile of east asks for")
    (action,) = timers.actions("openflow", [wanted], timers.seen(SITE, database(SLOW)))
    assert (action.verb, action.target) == ("modify", "bfd wan1")
    assert action.reason == "min_tx 100 -> 10, min_rx 200 -> 10, as the profile of east asks for"
    assert timers.actions("openflow", [PortTimers("wan1", 100, 200, 5)], [wanted]) != ()
    assert timers.actions("openflow", [wanted], [PortTimers("wan1", 10, 10, 5)]) == ()
    assert timers.actions("openflow", [wanted], []) == (), "not known is not different"


def test_the_three_keys_are_written_and_no_other() -> None:
    said = timers.arguments([PortTimers("wan1", 100, 200, 5)])
    assert said == ["--", "set", "interface", "wan1", "bfd:min_tx=100", "bfd:min_rx=200", "bfd:mult=5"]


def _bfd_after_boot(bfd: dict[str, str]) -> str:
    arguments = switch.transaction(SITE, database(bfd)).arguments
    return next((word for word in arguments if word.startswith("bfd=")), "")


def test_the_boot_leaves_timers_alone_that_are_there() -> None:
    """It runs every three seconds, and would undo what the intent wants."""
    assert _bfd_after_boot({}) == "bfd={enable=true,min_tx=10,min_rx=10,mult=3}"
    assert _bfd_after_boot({**SLOW, "enable": "false"}) == "bfd={enable=true,min_tx=10,min_rx=10,mult=3}"
    there = switch.wanted_ports(SITE, timers=switch._timers(SITE, database(SLOW)))
    (column,) = [port.columns["bfd"] for port in there if port.name == "wan1"]
    assert column == SLOW
    del SLOW["mult"]
    there = switch.wanted_ports(SITE, timers=switch._timers(SITE, database(SLOW)))
    assert next(port.columns["bfd"] for port in there if port.name == "wan1")["mult"] == "3"
