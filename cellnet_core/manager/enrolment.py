"""Agents get their credentials here: one-time tokens, and the keys that follow from them.

Holds the manager's `master` secret in memory only. The database says which token an agent used and what was
said then, so it alone lets nobody pass for an agent or for the manager.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cellnet_core.manager import cells
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import ConflictError, ForbiddenError, NotFoundError
from cellnet_core.model import proof
from cellnet_core.store import audit
from cellnet_core.store import credentials as rows
from cellnet_core.store.records import AgentKey, CredentialRecord
from cellnet_core.store.session import Session

DEFAULT_LIFE = 3600
"""Seconds that a token can be used."""
LONGEST_LIFE = 7 * 86400


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, for the operator's eyes only, and until when it can be used."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent needs to work out its key, and the manager's proof that it gave the token out."""

    serial: int
    manager_nonce: str
    proof: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A key in force."""

    key: AgentKey
    serial: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Enrolled({self.key}, serial={self.serial})"


class Enrolment:
    """Services for who gives out tokens, and for agents that use them."""

    def __init__(self, context: Context, master: bytes) -> None:
        self._context = context
        self._master = master

    def issue(self, cell: str, gateway: str, life: int = DEFAULT_LIFE) -> Issued:
        """A token for that gateway. Raises NotFoundError for an unknown cell."""
        with self._context.change() as change:
            key = AgentKey(cells.require(change.session, cell).id, gateway)
            place = f"{cells.require(change.session, cell).name}/{gateway}"
            token = self._token(change.at, key, life)
            expires = datetime.fromtimestamp(token.expires, UTC)
            audit.acted(
                change.session,
                ("agent credential", f"{key.cell_id}/{gateway}", gateway),
                "issued",
                serial=token.serial,
                expires_at=expires,
            )
            change.event(
                "agent.enrolment_issued",
                ("agent", place, place),
                f"one-time token for the agent of {place}, until {expires:%Y-%m-%dT%H:%M:%SZ}",
                serial=token.serial,
            )
        return Issued(token.text(), expires)

    def exchange(
        self, cell: str, gateway: str, token: tuple[int, int], agent_nonce: str, said: str
    ) -> Answer:
        """Enrol an agent that shows that it has the token (serial and expiry).

        The same request again gets the same answer: the first may have been lost on its way. Raises
        NotFoundError, ForbiddenError for a wrong, expired or void token, and ConflictError for a used one.
        """
        serial, expires = token
        with self._context.change() as change:
            found = cells.require(change.session, cell)
            key, place = AgentKey(found.id, gateway), f"{found.name}/{gateway}"
            issued = proof.issue(self._master, key.cell_id, gateway, serial, expires)
            wanted = proof.enrolment_proof(issued, cell, gateway, agent_nonce)
            if not proof.same(wanted, said):
                raise ForbiddenError(
                    "agent.enrolment_refused",
                    f"the token is none of this manager for {place}: `cellnet agent enrol` prints one",
                )
            known = rows.find(change.session, key)
            if known is not None and serial == known.serial and known.agent_nonce is not None:
                return _repeat(known, issued, agent_nonce, place)
            if change.at.timestamp() > expires or (known is not None and serial <= known.serial):
                raise ForbiddenError(
                    "agent.enrolment_expired",
                    f"this token for {place} can be used no more: `cellnet agent enrol` prints another",
                )
            manager_nonce = proof.new_nonce()
            rows.save(
                change.session,
                CredentialRecord(key, serial, expires, agent_nonce, manager_nonce, change.at),
            )
            change.event(
                "agent.enrolled", ("agent", place, place), f"the agent of {place} has enrolled", serial=serial
            )
        return Answer(serial, manager_nonce, proof.enrolment_answer(issued, agent_nonce, manager_nonce))

    def revoke(self, cell: str, gateway: str) -> None:
        """Take its credential from an agent, and void every token for it so far. Raises NotFoundError."""
        with self._context.change() as change:
            found = cells.require(change.session, cell)
            key, place = AgentKey(found.id, gateway), f"{found.name}/{gateway}"
            rows.save(change.session, CredentialRecord(key, _serial(change.at), 0, None, None, change.at))
            change.event(
                "agent.revoked",
                ("agent", place, place),
                f"the credential of the agent of {place} is void; its gateway goes on as it is",
                "warning",
            )

    def enrolled(self, cell: str, gateway: str) -> Enrolled:
        """The key in force of an agent.

        Raises NotFoundError for an unknown cell and for an agent that is not enrolled.
        """
        with self._context.database.read() as session:
            return self._enrolled(session, cell, gateway)

    def unenrolled(self, cell: str, gateway: str) -> bool:
        """Whether the agent still has to enrol. Raises NotFoundError for an unknown cell."""
        with self._context.database.read() as session:
            found = rows.find(session, AgentKey(cells.require(session, cell).id, gateway))
        return found is None or found.agent_nonce is None

    def _enrolled(self, session: Session, cell: str, gateway: str) -> Enrolled:
        key = AgentKey(cells.require(session, cell).id, gateway)
        found = rows.find(session, key)
        if found is None or found.agent_nonce is None or found.manager_nonce is None:
            raise NotFoundError(
                "agent.not_enrolled",
                f"the agent of {cell}/{gateway} is not enrolled: `cellnet agent enrol` prints a token for it",
            )
        token = proof.issue(self._master, key.cell_id, gateway, found.serial, found.expires)
        return Enrolled(key, found.serial, proof.key(token, found.agent_nonce, found.manager_nonce))

    def _token(self, at: datetime, key: AgentKey, life: int) -> proof.Token:
        serial = _serial(at)
        return proof.issue(
            self._master, key.cell_id, key.gateway, serial, int(at.timestamp()) + min(life, LONGEST_LIFE)
        )


def _serial(at: datetime) -> int:
    """Grows with time, so that what was given out before can be told from what came after."""
    return int(at.timestamp() * 1_000_000)


def _repeat(known: CredentialRecord, issued: proof.Token, agent_nonce: str, place: str) -> Answer:
    assert known.manager_nonce is not None, "both nonces are written together"
    if not proof.same(known.agent_nonce or "", agent_nonce):
        raise ConflictError(
            "agent.enrolment_used",
            f"this token for {place} was used already: if that was not you, revoke it "
            f"(`cellnet agent revoke`), and print another",
        )
    answer = proof.enrolment_answer(issued, agent_nonce, known.manager_nonce)
    return Answer(known.serial, known.manager_nonce, answer)
