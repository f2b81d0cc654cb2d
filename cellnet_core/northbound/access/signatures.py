"""Checks that a request on an agent's own addresses comes from that agent, and signs the answer.

Keeps, in memory, which counts each agent has used since this manager started; the epoch, new at each start,
voids what was signed before.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cellnet_core.manager.enrolment import Enrolled, Enrolment
from cellnet_core.manager.errors import RequestError
from cellnet_core.model import proof
from cellnet_core.model.proof import ProofError, Signature, Window
from cellnet_core.northbound.access.identity import AGENT, Identity
from cellnet_core.store.records import AgentKey

KEPT = 5.0
"""Seconds that an agent's key is kept before the database is asked again."""


class UnprovenError(Exception):
    """Nothing shows that the request comes from the agent; `challenge` is for `WWW-Authenticate`."""

    def __init__(self, code: str, detail: str, challenge: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.challenge = challenge


@dataclass(frozen=True, slots=True)
class Proven:
    """The agent, and what signs the answer to it."""

    identity: Identity
    enrolled: Enrolled
    signature: Signature

    def sign(self, status: int, body: bytes) -> str:
        """The proof that goes with an answer."""
        signature = self.signature
        return proof.sign_answer(self.enrolled.secret, signature.epoch, signature.count, status, body)


class Signatures:
    """One per manager. Asks the database, so call it from a thread."""

    def __init__(self, enrolment: Enrolment, now: Callable[[], float] = time.monotonic) -> None:
        self._enrolment = enrolment
        self._now = now
        self.epoch = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._windows: dict[tuple[AgentKey, int], Window] = {}
        self._keys: dict[tuple[str, str], tuple[float, Enrolled]] = {}

    def check(self, cell: str, gateway: str, header: str, method: str, target: bytes, body: bytes) -> Proven:
        """The agent that signed this. Raises UnprovenError and StoreUnavailableError."""
        enrolled = self._enrolled(cell, gateway)
        if enrolled is None:
            raise self._unproven(
                "agent.not_enrolled",
                f"the agent of {cell}/{gateway} is not enrolled: `cellnet agent enrol` prints a token for it",
                None,
            )
        try:
            said = proof.parse_signature(header)
        except ProofError as error:
            raise self._unproven("agent.signature_missing", str(error), enrolled) from error
        if said.epoch != self.epoch:
            raise self._unproven("agent.epoch_unknown", "signed for another life of the manager", enrolled)
        wanted = proof.sign_request(
            enrolled.secret, said.serial, said.epoch, said.count, method, target, body
        )
        if said.serial != enrolled.serial or not proof.same(wanted.proof, said.proof):
            raise self._unproven(
                "agent.signature_wrong",
                f"this signature is not that of the agent of {cell}/{gateway}: enrol the agent anew",
                enrolled,
            )
        with self._lock:
            fresh = self._window(enrolled).take(said.count)
        if not fresh:
            raise self._unproven("agent.signature_used", "this signature was used already", enrolled)
        identity = Identity(f"agent:{cell}/{gateway}", (AGENT,), cell=cell, gateway=gateway)
        return Proven(identity, enrolled, said)

    def forget(self) -> None:
        """Ask the database for every key anew: one was given out or revoked."""
        with self._lock:
            self._keys.clear()

    def _enrolled(self, cell: str, gateway: str) -> Enrolled | None:
        with self._lock:
            kept = self._keys.get((cell, gateway))
        if kept is not None and self._now() - kept[0] < KEPT:
            return kept[1]
        try:
            found = self._enrolment.enrolled(cell, gateway)
        except RequestError:
            return None
        with self._lock:
            self._keys[cell, gateway] = (self._now(), found)
        return found

    def _window(self, enrolled: Enrolled) -> Window:
        return self._windows.setdefault((enrolled.key, enrolled.serial), Window())

    def _unproven(self, code: str, detail: str, enrolled: Enrolled | None) -> UnprovenError:
        with self._lock:
            highest = 0 if enrolled is None else self._window(enrolled).highest
        # Room for requests that are under way and signed already.
        return UnprovenError(code, detail, proof.challenge(self.epoch, highest + 1))
