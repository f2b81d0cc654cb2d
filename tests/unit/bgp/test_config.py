"""What cannot be configured is refused with every reason; what can is rendered in a stable order."""

from __future__ import annotations

from typing import Any

import pytest

from bgp import config
from tests.unit.bgp.samples import neighbor

RELAY = ("/usr/bin/python3", "-I", "-S", "/opt/relay.py", "--socket", "/run/speaker/api.sock")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "two words"}, "name may hold letters"),
        ({"name": 'x"; passive true'}, "name may hold letters"),
        ({"local_address": "172.16.0.300"}, "'172.16.0.300' is not a plain address"),
        ({"peer_address": "172.16.0.2/30"}, "'172.16.0.2/30' is not a plain address"),
        ({"peer_address": "fdce:0::2"}, "is not a plain address in its short form"),
        ({"peer_address": "fdce::2"}, "must be of one family"),
        ({"peer_address": "172.16.0.1"}, "must differ"),
        ({"router_id": "fdce::1"}, "must be a dotted quad"),
        ({"local_as": 0}, "local-as 0 must be between"),
        ({"peer_as": 2**32}, "peer-as 4294967296 must be between"),
        ({"hold_time": 2}, "hold-time 2 must be 0 or between 3 and 65535"),
        ({"graceful_restart_time": 4096}, "between 0 and 4095"),
        ({"families": ()}, "must name ipv4, ipv6 or both"),
        ({"interface": "wan1;"}, "is not the name of an interface"),
    ],
)
def test_a_bad_value_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(config.ConfigurationError, match=words.replace("[", r"\[")):
        config.render([neighbor(**changes)], RELAY)


def test_every_problem_is_told_at_once() -> None:
    twins = [neighbor(hold_time=1, local_as=0), neighbor(name="other", router_id="x")]
    with pytest.raises(config.ConfigurationError) as caught:
        config.render(twins, ("python3", "a b"))
    assert len(str(caught.value).splitlines()) == 6


def test_order_does_not_matter() -> None:
    one, two = neighbor(), neighbor(name="main-east-2", local_address="172.16.0.5", peer_address="172.16.0.6")
    assert config.render([one, two], RELAY) == config.render([two, one], RELAY)


def test_only_link_local_sessions_are_bound_to_their_interface() -> None:
    assert "source-interface" not in config.render([neighbor(interface="ip-wan1")], RELAY)
    local = neighbor(interface="ip-wan1", local_address="fe80::1", peer_address="fe80::2")
    assert "source-interface ip-wan1;" in config.render([local], RELAY)
