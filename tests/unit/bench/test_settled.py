"""A session that is up with slow timers is not ready for a measurement."""

from __future__ import annotations

import pytest

from tests.bench.settled import settled

SESSION = """---- {name} ----
  Forwarding: {forwarding}
  Detect Multiplier: 3
  Concatenated Path Down: false
  TX Interval: Approx {tx}ms
  RX Interval: Approx {rx}ms
  Local Minimum TX Interval: 10ms
  Remote Minimum RX Interval: 10ms
"""


def shown(**second: object) -> str:
    fast = {"forwarding": "true", "tx": 10, "rx": 10}
    return SESSION.format(name="wan2", **fast) + SESSION.format(name="wan1", **(fast | second))


def test_up_and_fast_on_both() -> None:
    assert settled(shown(), 2)


@pytest.mark.parametrize("second", [{"forwarding": "false"}, {"tx": 1000}, {"rx": 1000}])
def test_one_that_is_down_or_slow_is_not(second: dict[str, object]) -> None:
    assert not settled(shown(**second), 2)


def test_a_session_that_is_missing() -> None:
    assert not settled(shown(), 3)
    assert not settled("", 1)
