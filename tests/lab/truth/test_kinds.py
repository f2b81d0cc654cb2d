"""Every kind of thing that somebody can change by hand at a gateway: found in time, shown, and dealt with."""

from __future__ import annotations

import re
from functools import partial

import pytest

from simulator import stack
from tests.lab.truth.setting import FOUND_WITHIN, GATEWAY, PATIENCE, SPEAKER, Setting, within

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

OVS = ("ovs-ofctl", "-O", "OpenFlow13")
STRANGER = (
    "neighbor 192.0.2.9 { router-id 10.0.1.1; local-address 172.16.0.1; local-as 65001; peer-as 64999; }"
)


def groups(setting: Setting) -> dict[int, str]:
    """The group table by number: type and buckets as they are printed."""
    shown = setting.by_hand(*OVS, "dump-groups", "br-phy")
    return {int(number): rest for number, rest in re.findall(r"group_id=(\d+),(.*)", shown)}


def used(setting: Setting) -> int:
    """The group that flows to the other cell lead to."""
    found = re.search(r"nw_dst=10\.0\.2\.0/24 .*group:(\d+)", setting.flows())
    assert found is not None, setting.flows()
    return int(found[1])


def tell(setting: Setting, *words: str) -> str:
    """Something to the speaker, behind its agent's back."""
    where = stack.speaker_directory_on(GATEWAY)
    return setting.by_hand(*stack.PYTHON, "bgp.tell", "--directory", where, *words)


def is_over(setting: Setting, part: str) -> None:
    within(PATIENCE, setting.drift(part, state="over"))


def test_a_deleted_group_takes_its_flows_along_and_all_come_back(setting: Setting) -> None:
    number = used(setting)
    before = groups(setting)[number]
    look = setting.next_drift("", object=f"group {number}")
    setting.by_hand(*OVS, "del-groups", "br-phy", f"group_id={number}")
    found = within(FOUND_WITHIN, look)
    assert (found.action, found.observed[:7]) == ("repair", "missing")
    is_over(setting, found.object)
    assert groups(setting)[used(setting)] == before
    assert "nw_dst=10.0.2.0/24" in setting.flows()


def test_a_changed_group_is_put_back(setting: Setting) -> None:
    number = used(setting)
    before = groups(setting)[number]
    look = setting.next_drift("", object=f"group {number}")
    setting.by_hand(*OVS, "mod-group", "br-phy", f"group_id={number},type=all,bucket=actions=drop")
    found = within(FOUND_WITHIN, look)
    assert found.kind == "group"
    is_over(setting, found.object)
    assert groups(setting)[number] == before


def test_a_prefix_withdrawn_by_hand_is_announced_again(setting: Setting) -> None:
    look = setting.next_drift("10.0.1.0/24")
    tell(setting, "withdraw", "172.16.0.2", "--prefix", "10.0.1.0/24")
    found = within(FOUND_WITHIN, look)
    assert (found.kind, found.action) == ("announcement", "repair")
    is_over(setting, found.object)


def test_a_neighbour_added_by_hand_is_taken_away(setting: Setting) -> None:
    add = f"echo '{STRANGER}' >> exabgp.conf"
    setting.by_hand("sh", "-c", f"cd {SPEAKER} && {add} && kill -USR1 $(cat speaker.pid)")
    found = within(FOUND_WITHIN, setting.drift("192.0.2.9"))
    assert (found.kind, found.desired) == ("neighbor", "absent")
    is_over(setting, "192.0.2.9")
    assert "192.0.2.9" not in setting.by_hand("cat", f"{SPEAKER}/exabgp.conf")


def test_a_typing_error_in_the_speakers_file_stops_nothing(setting: Setting) -> None:
    """ExaBGP refuses the file and goes on with what it has; and the agent's next file is read as it is."""
    broken = "neighbor 192.0.2.9 { local-address 172.16.0.1; family { ipv4"
    setting.by_hand(
        "sh", "-c", f"cd {SPEAKER} && echo '{broken}' >> exabgp.conf && kill -USR1 $(cat speaker.pid)"
    )
    connection = setting.client.connection("ab")
    kept = {name: connection.document[name] for name in ("name", "local_endpoint", "remote_endpoint")}

    def in_force(hold_time: int) -> bool | None:
        sessions = setting.client.sessions("ab")
        return {(s.document["hold_time"], s.bgp_state) for s in sessions} == {
            (hold_time, "ESTABLISHED")
        } or None

    for wanted in (30, 9):
        setting.client.replace_connection(connection.id, {**kept, "hold_time": wanted})
        within(PATIENCE, partial(in_force, wanted))


@pytest.mark.parametrize(
    "command",
    [
        ("ovs-vsctl", "set-fail-mode", "br-phy", "standalone"),
        ("ovs-vsctl", "del-controller", "br-phy"),
        ("ovs-vsctl", "remove", "interface", "wan1", "bfd", "enable"),
    ],
    ids=" ".join,
)
def test_the_gateway_itself_is_audited(setting: Setting, command: tuple[str, ...]) -> None:
    look = setting.next_drift("", kind="gateway")
    setting.by_hand(*command)
    within(PATIENCE, look)  # audits come less often where they take long
    assert setting.by_hand("ovs-vsctl", "get-fail-mode", "br-phy").strip() == "secure"
    assert setting.by_hand("ovs-vsctl", "get-controller", "br-phy").strip()
    assert "true" in setting.by_hand("ovs-vsctl", "get", "interface", "wan1", "bfd:enable")


def test_what_is_missing_cannot_be_adopted_and_it_is_said(setting: Setting) -> None:
    setting.policy("adopt")
    try:
        look = setting.next_drift("10.0.2.0/24", kind="flow")
        setting.by_hand(*OVS, "del-flows", "br-phy", "table=10,ip,nw_dst=10.0.2.0/24")
        found = within(FOUND_WITHIN, look)
        assert found.action == "repair"
        assert "cannot be adopted" in found.document["message"]
        within(PATIENCE, lambda: "nw_dst=10.0.2.0/24" in setting.flows() or None)
    finally:
        setting.policy("repair")
