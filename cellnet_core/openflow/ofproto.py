"""Between our values and the message classes of Ryu or os-ken, which spell them alike.

Imports neither: the caller passes the library's `ofproto` and parser modules (OpenFlow 1.3) of a connected
switch. What a switch has that our values cannot say becomes `Opaque` and is never lost silently.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cellnet_core.openflow.values import (
    Action,
    Bucket,
    DecTtl,
    Flow,
    FlowMod,
    Group,
    GroupMod,
    Match,
    Mod,
    Opaque,
    Output,
    SetField,
    ToGroup,
    canonical,
)

_ADD_OR_MODIFY: Final = 0x8000
"""OFPGC_ADD_OR_MOD, Open vSwitch 2.6 and later: a group-mod that may be sent twice."""
_ALL_BITS: Final = 0xFFFF_FFFF_FFFF_FFFF


class EncodingError(ValueError):
    """A change that cannot be said in OpenFlow 1.3 by this library; the message says which part."""


def message(mod: Mod, datapath: Any) -> Any:
    """The library's message for a change. Raises EncodingError."""
    try:
        if isinstance(mod, GroupMod):
            return _group_mod(mod, datapath)
        return _flow_mod(mod, datapath)
    except (KeyError, TypeError, ValueError, OSError) as error:  # OSError: netaddr-like address parsing
        raise EncodingError(f"{mod!r} cannot be sent: {error!r}") from error


def _flow_mod(mod: FlowMod, datapath: Any) -> Any:
    ofproto, parser, flow = datapath.ofproto, datapath.ofproto_parser, mod.flow
    if mod.command == "remove_cookie":
        return parser.OFPFlowMod(
            datapath,
            cookie=flow.cookie,
            cookie_mask=_ALL_BITS,
            table_id=flow.table,
            command=ofproto.OFPFC_DELETE,
            out_port=ofproto.OFPP_ANY,
            out_group=ofproto.OFPG_ANY,
            match=parser.OFPMatch(),
        )
    match = parser.OFPMatch(**{name: _oxm(name, value) for name, value in flow.match.fields})
    if mod.command == "remove":
        return parser.OFPFlowMod(
            datapath,
            table_id=flow.table,
            priority=flow.priority,
            command=ofproto.OFPFC_DELETE_STRICT,
            out_port=ofproto.OFPP_ANY,
            out_group=ofproto.OFPG_ANY,
            match=match,
        )
    instructions = []
    if flow.actions:
        actions = [_action(action, parser) for action in flow.actions]
        instructions.append(parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, actions))
    if flow.goto is not None:
        instructions.append(parser.OFPInstructionGotoTable(flow.goto))
    return parser.OFPFlowMod(
        datapath,
        table_id=flow.table,
        priority=flow.priority,
        cookie=flow.cookie,
        command=ofproto.OFPFC_ADD,  # replaces an entry of the same table, priority and match
        flags=ofproto.OFPFF_SEND_FLOW_REM,  # a flow of ours that somebody removes is noticed at once
        match=match,
        instructions=instructions,
    )


def _group_mod(mod: GroupMod, datapath: Any) -> Any:
    ofproto, parser, group = datapath.ofproto, datapath.ofproto_parser, mod.group
    types = {
        "all": ofproto.OFPGT_ALL,
        "select": ofproto.OFPGT_SELECT,
        "indirect": ofproto.OFPGT_INDIRECT,
        "ff": ofproto.OFPGT_FF,
    }
    if mod.command == "remove":
        return parser.OFPGroupMod(datapath, ofproto.OFPGC_DELETE, types[group.type], group.id, [])
    buckets = [
        parser.OFPBucket(
            weight=1 if group.type == "select" else 0,
            watch_port=ofproto.OFPP_ANY if bucket.watch_port is None else bucket.watch_port,
            watch_group=ofproto.OFPG_ANY,
            actions=[_action(action, parser) for action in bucket.actions],
        )
        for bucket in group.buckets
    ]
    return parser.OFPGroupMod(datapath, _ADD_OR_MODIFY, types[group.type], group.id, buckets)


def _action(action: Action, parser: Any) -> Any:
    match action:
        case Output(port):
            return parser.OFPActionOutput(port, 0)
        case SetField(field, value):
            return parser.OFPActionSetField(**{field: value})
        case DecTtl():
            return parser.OFPActionDecNwTtl()
        case ToGroup(group):
            return parser.OFPActionGroup(group)
        case Opaque(text):
            raise EncodingError(f"{text!r} is nothing of ours")


def _oxm(name: str, value: int | str) -> Any:
    """The library wants `(value, mask)` where we write "value/mask"."""
    if not isinstance(value, str) or "/" not in value:
        return value
    plain, mask = value.split("/")
    if name.startswith(("ipv4_", "ipv6_")) and mask.isdigit():
        return (plain, _netmask(name, int(mask)))
    if name.startswith("eth_") or not plain.isdigit():
        return (plain, mask)
    return (int(plain), int(mask))


def _netmask(name: str, length: int) -> str:
    width = 32 if name.startswith("ipv4_") else 128
    bits = ((1 << length) - 1) << (width - length)
    if width == 32:
        return ".".join(str(bits >> shift & 0xFF) for shift in (24, 16, 8, 0))
    return ":".join(f"{bits >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))


def flow_of(stats: Any, ofproto: Any) -> Flow:
    """A flow out of one entry of a flow statistics reply."""
    actions: list[Action] = []
    goto = None
    for instruction in stats.instructions:
        if instruction.type == ofproto.OFPIT_APPLY_ACTIONS:
            actions += _actions_of(instruction.actions, ofproto)
        elif instruction.type == ofproto.OFPIT_GOTO_TABLE:
            goto = instruction.table_id
        else:
            actions.append(Opaque(str(instruction)))
    if stats.idle_timeout or stats.hard_timeout:
        actions.append(Opaque(f"idle_timeout={stats.idle_timeout},hard_timeout={stats.hard_timeout}"))
    match = Match.from_mapping(dict(stats.match.items()))
    return Flow(stats.table_id, stats.priority, match, tuple(actions), goto, stats.cookie)


def group_of(description: Any, ofproto: Any) -> Group:
    """A group out of one entry of a group description reply."""
    types: dict[int, Any] = {
        ofproto.OFPGT_ALL: "all",
        ofproto.OFPGT_SELECT: "select",
        ofproto.OFPGT_INDIRECT: "indirect",
        ofproto.OFPGT_FF: "ff",
    }
    buckets = tuple(
        Bucket(
            actions=tuple(_actions_of(bucket.actions, ofproto)),
            watch_port=None if bucket.watch_port == ofproto.OFPP_ANY else bucket.watch_port,
        )
        for bucket in description.buckets
    )
    return Group(description.group_id, types[description.type], buckets)


def _actions_of(actions: Iterable[Any], ofproto: Any) -> list[Action]:
    found: list[Action] = []
    for action in actions:
        if action.type == ofproto.OFPAT_OUTPUT:
            found.append(Output(action.port))
        elif action.type == ofproto.OFPAT_SET_FIELD:
            found.append(SetField(action.key, canonical(action.key, action.value)))
        elif action.type == ofproto.OFPAT_DEC_NW_TTL:
            found.append(DecTtl())
        elif action.type == ofproto.OFPAT_GROUP:
            found.append(ToGroup(action.group_id))
        else:
            found.append(Opaque(str(action)))
    return found


def error_text(error: Any, ofproto: Any) -> str:
    """An OFPT_ERROR in words: the names of its type and code (OpenFlow 1.3.5 section 7.4.4)."""
    names = {
        value: name
        for name, value in vars(ofproto).items()
        if name.startswith("OFPET_") and isinstance(value, int)
    }
    kind = names.get(error.type, f"type {error.type}")
    return f"the switch refused it: {kind}, code {error.code}"
