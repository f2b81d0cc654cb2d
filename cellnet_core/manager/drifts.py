"""Drift as agents report it: kept with its history, and told as events.

What is done about it is the agents' work, by the policy of their cell; here it is only written down.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from cellnet_core.manager.context import Change, Context
from cellnet_core.manager.errors import NotFoundError
from cellnet_core.manager.pruning import Limits
from cellnet_core.model.wire import DriftReport, ReportDocument
from cellnet_core.store import drifts as rows
from cellnet_core.store.listing import Page, PageQuery
from cellnet_core.store.records import AgentKey, DriftRecord

STATES = {"repair": "open", "ignore": "ignored", "adopt": "adopted"}
SEVERITY = {"open": "warning", "ignored": "warning", "adopted": "info", rows.OVER: "info"}
Essence = tuple[tuple[str, str, str, bool], ...]


class Drifts:
    """Services on drift."""

    def __init__(self, context: Context, limits: Limits) -> None:
        self._context = context
        self._limits = limits
        self._last: dict[AgentKey, tuple[str, Essence]] = {}
        """What the last report of each agent said, so that most reports cost nothing here."""
        self._found: Counter[tuple[str, str]] = Counter()

    def page(self, query: PageQuery) -> Page[DriftRecord]:
        """A page of drifts. Raises BadQueryError."""
        with self._context.database.read() as session:
            return rows.page(session, query)

    def get(self, drift_id: str) -> DriftRecord:
        """One drift. Raises NotFoundError."""
        with self._context.database.read() as session:
            found = rows.find(session, drift_id)
        if found is None:
            raise NotFoundError("drift.not_found", f"there is no drift {drift_id!r}: see /v1/drifts")
        return found

    def count(self) -> dict[tuple[str, str, str], int]:
        """How many are known, by cell, gateway and state."""
        with self._context.database.read() as session:
            return rows.count_by_state(session)

    def take(self, key: AgentKey, cell: str, report: ReportDocument) -> None:
        """Write down what is new in a report."""
        essence = tuple((d.id, d.action, d.message, d.over_s is None) for d in report.drifts)
        before = self._last.get(key)
        if before == (report.agent_id, essence):
            return
        if essence or ((before is None or before[0] != report.agent_id) and self._may_be_over(key)):
            with self._context.change() as change:
                new = self._write(change, key, cell, report)
            self._found[cell, key.gateway] += new
        self._last[key] = (report.agent_id, essence)

    def found(self) -> dict[tuple[str, str], int]:
        """How many were found since the manager started, by cell and gateway; forgetting takes none away."""
        return dict(self._found)

    def _may_be_over(self, key: AgentKey) -> bool:
        """Whether there is something that a new agent does not tell of any more."""
        with self._context.database.read() as session:
            return rows.any_there_still(session, key)

    def _write(self, change: Change, key: AgentKey, cell: str, report: ReportDocument) -> int:
        """How many of them are new."""
        new = 0
        origins = {f"{report.agent_id}:{drift.id}": drift for drift in report.drifts}
        known = rows.by_origin(change.session, list(origins))
        former = {
            (row.driver, row.object, row.state): row
            for row in rows.there_still(change.session, key)
            if not row.origin.startswith(f"{report.agent_id}:")
        }
        for origin, said in origins.items():
            state = rows.OVER if said.over_s is not None else STATES.get(said.action, "open")
            before = known.get(origin) or former.pop((said.driver, said.object, state), None)
            if before is None and said.over_s is not None:
                ended = change.at - timedelta(seconds=said.over_s)
                if self._limits.forgets(change.session, ended, change.at):
                    continue  # an agent tells of its last ones for as long as it runs
            after = self._record(change, key, cell, origin, said, state, before)
            if after != before:
                rows.save(change.session, after)
            new += before is None
            if before is None or before.state != state:
                _tell(change, after, found=before is None)
        for row in former.values():
            # A new agent does not say it: it made everything as wanted when it started.
            over = replace(
                row, state=rows.OVER, over_at=change.at, message="put right when the agent started"
            )
            rows.save(change.session, over)
            _tell(change, over, found=False)
        return new

    def _record(
        self,
        change: Change,
        key: AgentKey,
        cell: str,
        origin: str,
        said: DriftReport,
        state: str,
        before: DriftRecord | None,
    ) -> DriftRecord:
        over = None if said.over_s is None else change.at - timedelta(seconds=said.over_s)
        if before is not None:
            changes = {"origin": origin, "action": said.action, "state": state, "message": said.message}
            return replace(before, **changes, over_at=before.over_at or over)  # type: ignore[arg-type]  # fields by name
        return DriftRecord(
            id=self._context.new_id(),
            origin=origin,
            cell_id=key.cell_id,
            cell=cell,
            gateway=key.gateway,
            driver=said.driver,
            kind=said.kind,
            object=said.object,
            desired=said.desired,
            observed=said.observed,
            action=said.action,
            state=state,
            message=said.message,
            found_at=change.at - timedelta(seconds=said.found_s),
            over_at=over,
        )


def _tell(change: Change, drift: DriftRecord, *, found: bool) -> None:
    place = f"{drift.cell}/{drift.gateway}"
    word = "found" if found else drift.state
    text = f"{drift.object} at {place} is {drift.observed}, should be {drift.desired}"
    if drift.state == rows.OVER:
        text += "; repaired" if drift.action == "repair" else "; it is no more"
    else:
        text += f"; {drift.action}"
    change.event(
        f"drift.{word}",
        ("drift", drift.id, place),
        text + (f" ({drift.message})" if drift.message else ""),
        SEVERITY[drift.state],
        what=drift.kind,
        object=drift.object,
        action=drift.action,
    )
