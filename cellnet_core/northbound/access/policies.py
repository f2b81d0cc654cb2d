"""The rule of every route, as data: name, who may by default, and the addresses it is for.

`oslopolicy-sample-generator --namespace cellnet` writes them out; a policy file overrides them by name. A
route that stands nowhere here is for admins only, and a test names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from oslo_policy.policy import RuleDefault

PREFIX: Final = "cell_network"
UNLISTED: Final = f"{PREFIX}:unlisted"

BASE: Final[Mapping[str, tuple[str, str]]] = {
    "everybody": ("@", "Also who shows no token."),
    "admin": ("role:admin", "Everything."),
    "manager": ("role:manager or rule:admin", "Endpoints, connections and what belongs to them."),
    "member": ("role:member or rule:manager", "Looks, and asks for what disturbs nothing."),
    "reader": ("role:reader or rule:member", "Looks."),
    "peer": (
        "role:peer and connections:%(connection)s",
        "The other side of a connection: reads and refreshes those that its token names.",
    ),
    "agent": (
        "role:agent and cell:%(cell)s and gateway:%(gateway)s",
        "An agent that is enrolled, on its own addresses only.",
    ),
}
"""Rules that the others refer to: who has a role."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`operations`: method and address, "{x}" being any one segment. `query`: only when this key is set."""

    name: str
    check: str
    description: str
    operations: tuple[tuple[str, str], ...]
    query: str = ""


def _rule(name: str, check: str, description: str, *operations: str, query: str = "") -> Rule:
    pairs = (operation.split(" ") for operation in operations)
    return Rule(
        f"{PREFIX}:{name}", check, description, tuple((method, path) for method, path in pairs), query
    )


def _collection(name: str, singular: str, writers: str, readers: str = "rule:reader") -> tuple[Rule, ...]:
    many, one = f"/v1/{name}", f"/v1/{name}/{{{singular}}}"
    return (
        _rule(f"{name}:list", "rule:reader", f"List {name}.", f"GET {many}"),
        _rule(f"{name}:get", readers, f"Show one of the {name}.", f"GET {one}"),
        _rule(f"{name}:create", writers, f"Create one of the {name}.", f"POST {many}"),
        _rule(f"{name}:update", writers, f"Replace one of the {name}.", f"PUT {one}"),
        _rule(f"{name}:modify", writers, f"Change some of one of the {name}.", f"PATCH {one}"),
        _rule(f"{name}:delete", writers, f"Delete one of the {name}.", f"DELETE {one}"),
    )


_CONNECTION = "/v1/connections/{connection}"
_AGENT = "/v1/agents/{cell}/{gateway}"
_LOOKS = "rule:reader or rule:peer"

RULES: Final[tuple[Rule, ...]] = (
    _rule("versions:list", "rule:everybody", "See which versions there are.", "GET /", "GET /v1", "GET /v1/"),
    _rule("schema:get", "rule:reader or role:peer", "The OpenAPI document.", "GET /v1/openapi.json"),
    _rule("metrics:get", "rule:reader", "Metrics for Prometheus.", "GET /metrics"),
    *_collection("cells", "cell", "rule:admin"),
    *_collection("endpoints", "endpoint", "rule:manager"),
    *_collection("connections", "connection", "rule:manager", _LOOKS),
    _rule("connections:sessions", _LOOKS, "Sessions of a connection.", f"GET {_CONNECTION}/sessions"),
    _rule(
        "connections:force_delete",
        "rule:admin",
        "Forget a connection that its agents have not taken down.",
        f"DELETE {_CONNECTION}",
        query="force",
    ),
    _rule(
        "connections:act",
        "rule:member or rule:peer",
        "Have something done once to a connection; which action it is has a rule of its own.",
        f"POST {_CONNECTION}/actions",
    ),
    _rule(
        "connections:refresh",
        "rule:member or rule:peer",
        "Have peers send their routes again.",
        f"POST {_CONNECTION}/actions",
    ),
    _rule(
        "connections:reconcile",
        "rule:member",
        "Have agents look at everything now.",
        f"POST {_CONNECTION}/actions",
    ),
    _rule(
        "connections:reset",
        "rule:manager",
        "End sessions, which come up again by themselves.",
        f"POST {_CONNECTION}/actions",
    ),
    *_collection("profiles", "profile", "rule:manager"),
    _rule(
        "operations:list",
        "rule:reader",
        "Work that outlives its request.",
        "GET /v1/operations",
        "GET /v1/operations/{operation}",
    ),
    _rule(
        "drifts:list",
        "rule:reader",
        "What somebody else changed at gateways.",
        "GET /v1/drifts",
        "GET /v1/drifts/{drift}",
    ),
    _rule("topology:get", "rule:reader", "All cells, connections and paths.", "GET /v1/topology"),
    _rule("paths:list", "rule:reader", "Paths between two cells.", "GET /v1/paths"),
    _rule("events:list", "rule:reader", "What happened.", "GET /v1/events", "GET /v1/events/{event}"),
    _rule("events:stream", "rule:reader", "What happens.", "GET /v1/events/stream"),
    _rule("audit:list", "rule:admin", "Who changed what.", "GET /v1/audit", "GET /v1/audit/{record}"),
    _rule("agents:list", "rule:reader", "Agents and what they offer.", "GET /v1/agents", f"GET {_AGENT}"),
    _rule(
        "agents:enrol",
        "rule:admin",
        "Print a one-time token for an agent; void its credential.",
        f"POST {_AGENT}/enrolment",
        f"DELETE {_AGENT}/credential",
    ),
    _rule(
        "agents:exchange",
        "rule:everybody",
        "Exchange a one-time token for a credential: the token is the proof.",
        f"PUT {_AGENT}/credential",
    ),
    _rule(
        "agents:confirm",
        "rule:admin",
        "Have an agent follow a database that was put back or replaced.",
        f"POST {_AGENT}/actions",
    ),
    _rule("agents:intent", "rule:agent", "An agent's own intent.", f"GET {_AGENT}/intent"),
    _rule("agents:report", "rule:agent", "An agent's own report.", f"PUT {_AGENT}/report"),
)


AGENTS_OWN: Final = frozenset({f"{PREFIX}:agents:intent", f"{PREFIX}:agents:report"})
EXCHANGE: Final = f"{PREFIX}:agents:exchange"
VERSIONS: Final = f"{PREFIX}:versions:list"
FOR_EVERYBODY: Final = frozenset(rule.name for rule in RULES if rule.check == "rule:everybody")


def list_rules() -> list[RuleDefault]:
    """For oslo.policy and its tools."""
    from oslo_policy.policy import DocumentedRuleDefault, RuleDefault

    base: list[RuleDefault] = [RuleDefault(name, check, text) for name, (check, text) in BASE.items()]
    base.append(RuleDefault(UNLISTED, "rule:admin", "Any address without a rule of its own."))
    return base + [
        DocumentedRuleDefault(
            rule.name,
            rule.check,
            rule.description,
            [
                {"method": method, "path": path + (f"?{rule.query}=true" if rule.query else "")}
                for method, path in rule.operations
            ],
        )
        for rule in RULES
    ]


class Routes:
    """Finds the rule of a request. Looks at the few addresses with as many segments, literal ones first."""

    def __init__(self, rules: Iterable[Rule] = RULES) -> None:
        self._by_shape: dict[tuple[str, int], list[tuple[tuple[str, ...], Rule]]] = {}
        for rule in rules:
            for method, path in rule.operations:
                segments = tuple(path.split("/"))
                self._by_shape.setdefault((method, len(segments)), []).append((segments, rule))
        for entries in self._by_shape.values():
            # The more literal, and the more asked for (a query), the earlier.
            entries.sort(key=lambda entry: (sum(_is_name(part) for part in entry[0]), not entry[1].query))

    def find(self, method: str, path: str, query: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
        """The name of the rule and what the address names; None when there is no rule."""
        said = path.split("/")
        for segments, rule in self._by_shape.get((method, len(said)), ()):
            if rule.query and _is_off(query.get(rule.query)):
                continue
            if all(_is_name(want) or want == have for want, have in zip(segments, said, strict=True)):
                names = {
                    want[1:-1]: have for want, have in zip(segments, said, strict=True) if _is_name(want)
                }
                return rule.name, names
        return None


def _is_name(segment: str) -> bool:
    return segment.startswith("{")


def _is_off(value: str | None) -> bool:
    return value is None or value.lower() in ("", "0", "false", "f", "no", "n", "off")
