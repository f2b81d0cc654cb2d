"""Flows as text for `ovs-ofctl`: how base flows reach a switch that has no controller yet.

Renders only what `base.py` writes; anything else has no business in a gateway before its controller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cellnet_core.openflow.values import Action, DecTtl, Flow, Group, Opaque, Output, SetField, ToGroup

# ovs-ofctl knows the other OXM names as they are, ovs-fields(7).
_OFCTL_NAMES: Final = {"ipv4_src": "nw_src", "ipv4_dst": "nw_dst"}


def render_flows(flows: Iterable[Flow]) -> str:
    """One line a flow, for `ovs-ofctl add-flows`."""
    return "".join(f"{render_flow(flow)}\n" for flow in flows)


def render_flow(flow: Flow) -> str:
    """One flow in the syntax of ovs-ofctl(8)."""
    match = "".join(f",{_OFCTL_NAMES.get(name, name)}={_value(name, v)}" for name, v in flow.match.fields)
    head = f"table={flow.table},priority={flow.priority},cookie=0x{flow.cookie:x},send_flow_rem"
    return f"{head}{match},actions={render_actions(flow.actions, flow.goto)}"


def render_actions(actions: Iterable[Action], goto: int | None = None) -> str:
    """Actions, then the table that comes next."""
    parts = [_action(action) for action in actions]
    if goto is not None:
        parts.append(f"goto_table:{goto}")
    return ",".join(parts) or "drop"


def render_group(group: Group) -> str:
    """One group in the syntax of ovs-ofctl(8)."""
    buckets = "".join(
        ",bucket="
        + (f"watch_port:{bucket.watch_port}," if bucket.watch_port is not None else "")
        + f"actions={render_actions(bucket.actions)}"
        for bucket in group.buckets
    )
    return f"group_id={group.id},type={group.type}{buckets}"


def _value(name: str, value: int | str) -> str:
    return f"0x{value:04x}" if name == "eth_type" and isinstance(value, int) else str(value)


def _action(action: Action) -> str:
    match action:
        case Output(port):
            return f"output:{port}"
        case SetField(field, value):
            return f"set_field:{value}->{field}"
        case DecTtl():
            return "dec_ttl"
        case ToGroup(group):
            return f"group:{group}"
        case Opaque(text):
            raise ValueError(f"{text!r} is nothing of ours and cannot be rendered")
