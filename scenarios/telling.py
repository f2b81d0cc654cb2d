"""Events of the timeline in words for an audience. Pure.

Only events that mark a step from cause to effect have words; the rest stays in the timeline.
"""

from __future__ import annotations

from .values import Event

TAKES_HOLD = "the fault takes hold"
TAKEN_AWAY = "the fault is taken away"
_BGP_STATES = {"up": "is ESTABLISHED", "down": "is lost"}
_PATH_EVENTS = {
    "down": "stops using path {path}",
    "held": "sees path {path} again and waits out its hold-down",
    "restored": "gives path {path} its preference back",
}


def tell(event: Event) -> str:
    """The event in words; "" for one that is not worth its place in a picture."""
    detail = event.detail
    node = event.source.partition("/")[2] or event.source
    match event.kind:
        case "fault":
            return TAKES_HOLD
        case "fault-cleared":
            return TAKEN_AWAY
        case "unsafe":
            return f"SAFETY BROKEN: {_short(str(detail.get('seen')))}"
        case "service-exit":
            return f"{detail.get('service')} is gone"
        case "service-start":
            return f"supervisor starts {detail.get('service')}"
        case "service-ready":
            return f"{detail.get('service')} is ready"
        case "change":
            return f"the operator asks: {detail.get('do')} {detail.get('resource')} {detail.get('name')}"
        case "intent" if detail.get("origin") == "manager" and detail.get("accepted"):
            return f"{node}: agent hears of new wishes (generation {detail.get('generation')})"
        case "bgp-notification":
            which = "sends" if detail.get("direction") == "send" else "gets"
            return f"{node} {which} NOTIFICATION {detail.get('code')},{detail.get('subcode')}"
        case "bfd":
            return f"{node}: BFD on {detail.get('interface')} is {detail.get('state')}"
        case "port" if event.source.startswith("agent/") and detail.get("link_up") is False:
            return f"{node}: {detail.get('interface')} has no carrier"
        case "path":
            words = _PATH_EVENTS.get(str(detail.get("event")), "")
            return f"{node} {words.format(path=detail.get('path'))}" if words else ""
        case "group-mod" | "flow-mod":
            return f"{node.removeprefix('controller-')} writes {_short(str(detail.get('target')))}"
        case "boot" if detail.get("changes"):
            return f"{node}: agent has rebuilt ports and base flows"
        case "bgp-session":
            words = _BGP_STATES.get(str(detail.get("state")), "")
            return f"{node}: session {detail.get('neighbor')} {words}" if words else ""
        case "bgp-route" if detail.get("stale"):
            return f"{node} keeps the routes of {detail.get('neighbor')} as stale"
        case "bgp-route" if detail.get("withdrawn"):
            return f"{node} deletes the routes of {detail.get('neighbor')}"
        case "manager" if detail.get("ok") is False:
            return f"{node} does not reach the manager and goes on"
        case "agent.silent" | "agent.heard" | "connection.operating_status":
            return _short(str(detail.get("message", "")).partition(" (")[0])
        case _:
            return ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
