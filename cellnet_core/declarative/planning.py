"""From what a file wants and what is there to the ordered steps between them. Pure.

Order: cells; connections are deleted before endpoints; endpoints are changed, then made;
connections are changed, then made. So names, prefixes and ports are free before somebody else gets them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cellnet_core.declarative import fields
from cellnet_core.declarative.current import Current, Existing
from cellnet_core.declarative.document import Document, Wanted
from cellnet_core.declarative.fields import FIELDS, Kind
from cellnet_core.declarative.source import Problem

Verb = Literal["create", "update", "delete"]
ORDER: tuple[tuple[Verb, Kind], ...] = (
    ("create", "cell"),
    ("update", "cell"),
    ("create", "profile"),
    ("update", "profile"),
    ("delete", "connection"),
    ("delete", "endpoint"),
    ("update", "endpoint"),
    ("create", "endpoint"),
    ("update", "connection"),
    ("create", "connection"),
    ("delete", "profile"),
)
ENDS = ("local_endpoint", "remote_endpoint")
FIXED_IN_USE = ("gateway", "interfaces", "asn")
"""What the API does not change of an endpoint while connections use it."""
OF_THE_GATEWAY = ("interfaces", "asn", "health_check_addresses")
"""What is not carried over when an endpoint moves to another gateway, unless it is said."""


@dataclass(frozen=True, slots=True)
class Action:
    """One request. `target`: the object it changes; `rests_on`: others it was decided by."""

    verb: Verb
    kind: Kind
    name: str
    reason: str
    body: Mapping[str, Any] = field(default_factory=dict)
    target: Existing | None = None
    rests_on: tuple[Existing, ...] = ()

    def essence(self) -> list[Any]:
        """What makes it this action and no other, in this state of things."""
        seen = [self.target, *self.rests_on]
        return [self.verb, self.kind, self.name, self.body, [e and [e.id, e.revision] for e in seen]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in their order. `problems`: why it must not be carried out; `notes`: what is left alone."""

    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The same exactly when the same would be done to the same revisions."""
        text = json.dumps([action.essence() for action in self.actions], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def decide(document: Document, current: Current, *, prune: bool = False, adopt: bool = False) -> Plan:
    """The plan. `prune`: delete what is the file's and not in it; `adopt`: take over nobody's objects."""
    return _Planner(document, current, prune=prune, adopt=adopt).plan()


class _Planner:
    """One decision; used once."""

    def __init__(self, document: Document, current: Current, *, prune: bool, adopt: bool) -> None:
        self._document = document
        self._current = current
        self._prune = prune
        self._adopt = adopt
        self._names = {(wanted.kind, wanted.name) for wanted in document.objects}
        self._actions: list[Action] = []
        self._problems: list[Problem] = []
        self._notes: list[str] = []
        self._unsettled: dict[str, str] = {}
        """Endpoints whose connections must be taken down first, and why."""

    def plan(self) -> Plan:
        for wanted in self._document.of("cell"):
            self._cell(wanted)
        for wanted in self._document.of("profile"):
            self._profile(wanted)
        for wanted in self._document.of("endpoint"):
            self._endpoint(wanted)
        self._left("endpoint")
        for wanted in self._document.of("connection"):
            self._connection(wanted)
        self._left("connection")
        self._left("profile")
        self._users()
        self._actions.sort(key=lambda action: (_rank(action), action.name))
        made = {(action.kind, action.name) for action in self._actions if action.verb == "create"}
        gone = {(action.kind, action.name) for action in self._actions if action.verb == "delete"}
        if again := sorted(name for kind, name in made & gone if kind == "connection"):
            self._notes.append(
                f"nothing passes over {', '.join(again)} from its deletion until it is made again"
            )
        return Plan(tuple(self._actions), tuple(sorted(set(self._problems))), tuple(self._notes))

    # --- kinds ---

    def _cell(self, wanted: Wanted) -> None:
        there = self._current.find("cell", wanted.name)
        if there is None:
            if "asn" not in wanted.fields:
                self._problem(wanted, "does not exist yet and has no asn; say one")
            self._actions.append(Action("create", "cell", wanted.name, "not there yet", _body(wanted)))
        elif different := _different(wanted, there):
            body = _body(wanted, there.fields)
            self._actions.append(Action("update", "cell", wanted.name, _explain(different), body, there))

    def _profile(self, wanted: Wanted) -> None:
        there = self._current.find("profile", wanted.name)
        owner = self._document.managed_by
        if there is None:
            body = _body(wanted, owner=owner)
            self._actions.append(Action("create", "profile", wanted.name, "not there yet", body))
        elif different := self._changes(wanted, there):
            body = _body(wanted, there.fields, owner)
            self._actions.append(Action("update", "profile", wanted.name, _explain(different), body, there))

    def _endpoint(self, wanted: Wanted) -> None:
        cell = self._current.find("cell", wanted.fields["cell"])
        if cell is None and ("cell", wanted.fields["cell"]) not in self._names:
            self._problem(
                wanted, f"there is no cell {wanted.fields['cell']!r}; declare it in cells, or correct it"
            )
        if cell is not None:
            wanted = Wanted(wanted.kind, wanted.name, wanted.line, {**wanted.fields, "cell": cell.name})
        rests_on = () if cell is None else (cell,)
        there = self._current.find("endpoint", wanted.name)
        if there is None:
            body = _body(wanted, owner=self._document.managed_by)
            reason = "not there yet"
            self._actions.append(Action("create", "endpoint", wanted.name, reason, body, rests_on=rests_on))
            return
        different = self._changes(wanted, there)
        if not different:
            return
        why = _explain(different)
        if "cell" in different:
            self._unsettled[there.name] = f"endpoint {there.name} moves to another cell"
            kept = {key: there.fields[key] for key in ("description",) if key in there.fields}
            body = _body(wanted, kept, self._document.managed_by)
            self._actions += [
                Action("delete", "endpoint", there.name, f"made again: {why}", target=there),
                Action("create", "endpoint", there.name, f"made again: {why}", body, rests_on=rests_on),
            ]
            return
        if changed := [name for name in FIXED_IN_USE if name in different]:
            self._unsettled[there.name] = f"endpoint {there.name} changes its {' and '.join(changed)}"
        kept = {
            k: v for k, v in there.fields.items() if "gateway" not in different or k not in OF_THE_GATEWAY
        }
        body = _body(wanted, kept, self._document.managed_by)
        self._actions.append(Action("update", "endpoint", there.name, why, body, there, rests_on))

    def _connection(self, wanted: Wanted) -> None:
        ends = [self._current.find("endpoint", wanted.fields[end]) for end in ENDS]
        for end, found in zip(ENDS, ends, strict=True):
            name = wanted.fields[end]
            if ("endpoint", name) in self._names:
                continue
            if found is None:
                self._problem(wanted, f"{end}: there is no endpoint {name!r}; declare it in endpoints")
            elif self._is_pruned(found):
                self._problem(wanted, f"{end}: --prune would delete {name}; declare it in endpoints")
        self._its_profile(wanted)
        rests_on = tuple(found for found in ends if found is not None)
        there = self._current.find("connection", wanted.name)
        if there is None:
            body = _body(wanted, owner=self._document.managed_by)
            reason = "not there yet"
            self._actions.append(Action("create", "connection", wanted.name, reason, body, rests_on=rests_on))
            return
        different = self._changes(wanted, there)
        unsettled = [self._unsettled[n] for end in ENDS if (n := there.fields[end]) in self._unsettled]
        why = "; ".join(unsettled + ([_explain(different)] if different else []))
        if there.deleting:
            why = "is being deleted"
        elif unsettled and not different and not self._mine(wanted, there, why):
            return
        if there.deleting or unsettled or any(end in different for end in ENDS):
            kept = {k: v for k, v in there.fields.items() if k not in (*ENDS, "families")}
            body = _body(wanted, kept, self._document.managed_by)
            self._actions += [
                Action("delete", "connection", there.name, f"made again: {why}", target=there),
                Action("create", "connection", there.name, f"made again: {why}", body, rests_on=rests_on),
            ]
        elif different:
            body = _body(wanted, there.fields, self._document.managed_by)
            self._actions.append(Action("update", "connection", there.name, why, body, there, rests_on))

    def _its_profile(self, wanted: Wanted) -> None:
        profile = wanted.fields.get("profile")
        if profile is None or ("profile", profile) in self._names:
            return
        found = self._current.find("profile", profile)
        if found is None:
            self._problem(wanted, f"profile: there is no profile {profile!r}; declare it in profiles")
        elif self._is_pruned(found):
            self._problem(wanted, f"profile: --prune would delete {profile}; declare it in profiles")

    # --- what is not in the file ---

    def _left(self, kind: Kind) -> None:
        for there in self._current.of(kind):
            if (kind, there.name) in self._names or there.managed_by != self._document.managed_by:
                continue
            if there.deleting:
                continue
            if self._prune:
                self._actions.append(
                    Action("delete", kind, there.name, "no longer in the file", target=there)
                )
                if kind == "endpoint":
                    self._unsettled[there.name] = f"endpoint {there.name} is deleted"
            else:
                self._notes.append(f"{kind} {there.name} is no longer in the file; --prune deletes it")

    def _users(self) -> None:
        """Whatever uses an endpoint that is taken away must go first, and may go."""
        going = {
            action.name for action in self._actions if (action.verb, action.kind) == ("delete", "connection")
        }
        for there in self._current.of("connection"):
            reasons = [self._unsettled[n] for end in ENDS if (n := there.fields[end]) in self._unsettled]
            if not reasons or there.name in going:
                continue
            if there.deleting:
                why = f"is being deleted; {reasons[0]}"
                self._actions.append(Action("delete", "connection", there.name, why, target=there))
            elif ("connection", there.name) not in self._names:
                whose = _whose(there)
                remedy = (
                    "--prune deletes it"
                    if there.managed_by == self._document.managed_by
                    else "delete it first"
                )
                text = (
                    f"{reasons[0]}, but connection {there.name} ({whose}, not in the file) uses it; {remedy}"
                )
                self._problems.append(Problem(0, text))

    def _is_pruned(self, there: Existing) -> bool:
        return self._prune and there.managed_by == self._document.managed_by

    # --- ownership ---

    def _changes(self, wanted: Wanted, there: Existing) -> dict[str, tuple[Any, Any]]:
        """What the file changes of it; nothing when it may not, which is then a problem."""
        different = _different(wanted, there)
        if self._adopt and there.managed_by == "":
            different["managed_by"] = ("", self._document.managed_by)
        if different and not self._mine(wanted, there, _explain(different)):
            return {}
        return different

    def _mine(self, wanted: Wanted, there: Existing, why: str) -> bool:
        if there.managed_by == self._document.managed_by or (self._adopt and there.managed_by == ""):
            return True
        remedy = (
            "--adopt takes it over"
            if there.managed_by == ""
            else f"change it in the file of {there.managed_by}"
        )
        self._problem(wanted, f"exists and is {_whose(there)}, and would change ({why}); {remedy}")
        return False

    def _problem(self, wanted: Wanted, text: str) -> None:
        self._problems.append(Problem(wanted.line, f"{wanted.kind} {wanted.name}: {text}"))


def _rank(action: Action) -> float:
    """Where in the order. A connection gives up a family before its endpoints give up the prefixes of it."""
    rank = ORDER.index((action.verb, action.kind))
    if action.target is not None and action.verb == "update" and action.kind == "connection":
        wants, has = set(action.body.get("families", ())), set(action.target.fields.get("families", ()))
        if wants < has:
            return ORDER.index(("update", "endpoint")) - 0.5
    return rank


def _whose(there: Existing) -> str:
    return f"managed by {there.managed_by}" if there.managed_by else "nobody's"


def _different(wanted: Wanted, there: Existing) -> dict[str, tuple[Any, Any]]:
    """Field to what it is and what it shall be."""
    return {
        name: (there.fields.get(name), said)
        for name, said in wanted.fields.items()
        if name not in there.fields or not fields.same(wanted.kind, name, said, there.fields[name])
    }


def _body(wanted: Wanted, kept: Mapping[str, Any] | None = None, owner: str | None = None) -> dict[str, Any]:
    """As the API takes it, fields in the table's order."""
    values = {**(kept or {}), **wanted.fields}
    body = {"name": wanted.name} | {key: values[key] for key in FIELDS[wanted.kind] if key in values}
    return body if owner is None else body | {"managed_by": owner}


def _explain(different: Mapping[str, tuple[Any, Any]]) -> str:
    return "; ".join(_phrases(different))


def _phrases(different: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    for name, (before, after) in different.items():
        yield f"{name}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        words = [
            item if not isinstance(item, dict) else " ".join([item["interface"], *item.get("addresses", ())])
            for item in value
        ]
        return "[" + ", ".join(map(str, words)) + "]"
    return json.dumps(value, ensure_ascii=False)
