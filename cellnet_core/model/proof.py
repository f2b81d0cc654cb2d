"""How a manager and an agent prove to each other who they are: HMAC-SHA256 (RFC 2104) and nothing else. Pure.

From one secret of the manager, `master`, everything follows, so that its database holds no secret:

    token   = HMAC(master, cell, gateway, serial, expiry)     one-time, shown to the operator
    key     = HMAC(token, agent's nonce, manager's nonce)     the agent's credential; never on the wire

Enrolment: each side shows that it knows the token by an HMAC with it over the nonces. Afterwards each request
is signed with the key, over what it asks for, the manager's epoch (new at each start) and a count that is
taken once; each answer is signed over that epoch and count, so that it answers this request and no other.

What this does not do: hide anything. Who listens on the management network reads intents and reports, session
passwords among them. That takes TLS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCHEME: Final = "Cellnet-Agent"
ANSWER_HEADER: Final = "X-Cellnet-Manager-Proof"
NONCE_BYTES: Final = 32
_TOKEN_FORM: Final = "cnea1"  # noqa: S105 (the form, not a token)
"""First part of every enrolment token: cellnet, enrolment of an agent, form 1."""
_DAMAGED: Final = "this enrolment token is damaged: copy it as a whole, or ask for another"


class ProofError(Exception):
    """What should prove something does not have the form of it; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Token:
    """A one-time token for one gateway. `serial` grows with time; `expires` in seconds since 1970."""

    serial: int
    expires: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Token(serial={self.serial}, expires={self.expires})"

    def text(self) -> str:
        """As the operator carries it to the agent."""
        secret = base64.urlsafe_b64encode(self.secret).decode().rstrip("=")
        return f"{_TOKEN_FORM}.{self.serial}.{self.expires}.{secret}"


def parse_token(text: str) -> Token:
    """Raises ProofError."""
    form, _, rest = text.strip().partition(".")
    parts = rest.split(".")
    if form != _TOKEN_FORM or len(parts) != 3 or not (parts[0].isdigit() and parts[1].isdigit()):
        raise ProofError("this is no enrolment token: `cellnet agent enrol CELL GATEWAY` prints one")
    try:
        secret = base64.b64decode(parts[2] + "=" * (-len(parts[2]) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise ProofError(_DAMAGED) from error
    if len(secret) != hashlib.sha256().digest_size:
        raise ProofError(_DAMAGED)
    return Token(int(parts[0]), int(parts[1]), secret)


def issue(master: bytes, cell_id: str, gateway: str, serial: int, expires: int) -> Token:
    """The token of that serial for that gateway; the same each time, so it need not be kept."""
    secret = _mac(master, "token", cell_id.encode(), gateway.encode(), _number(serial), _number(expires))
    return Token(serial, expires, secret)


def new_nonce() -> str:
    """Said once, by whoever wants to be sure that an answer is new."""
    return secrets.token_hex(NONCE_BYTES)


# --- enrolment ---------------------------------------------------------------------------------------


def enrolment_proof(token: Token, cell: str, gateway: str, agent_nonce: str) -> str:
    """By which the agent shows that it has the token. `cell` as the address of the request names it."""
    return _mac(token.secret, "enrol", cell.encode(), gateway.encode(), agent_nonce.encode()).hex()


def enrolment_answer(token: Token, agent_nonce: str, manager_nonce: str) -> str:
    """By which the manager shows that it gave the token out."""
    return _mac(token.secret, "enrolled", agent_nonce.encode(), manager_nonce.encode()).hex()


def key(token: Token, agent_nonce: str, manager_nonce: str) -> bytes:
    """The agent's credential, which both sides work out for themselves."""
    return _mac(token.secret, "key", agent_nonce.encode(), manager_nonce.encode())


# --- each request ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """What the header `Authorization` of an agent's request says."""

    serial: int
    epoch: str
    count: int
    proof: str

    def header(self) -> str:
        """The value of the header."""
        return f"{SCHEME} serial={self.serial}, epoch={self.epoch}, count={self.count}, proof={self.proof}"


def parse_signature(header: str) -> Signature:
    """Raises ProofError."""
    said = parse_parameters(header)
    try:
        return Signature(int(said["serial"]), said["epoch"], int(said["count"]), said["proof"])
    except (KeyError, ValueError) as error:
        raise ProofError(f"Authorization is no {SCHEME} signature: enrol the agent") from error


def parse_parameters(header: str) -> Mapping[str, str]:
    """The parameters of a header of our scheme (RFC 9110 section 11); empty for any other."""
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        return {}
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value.strip('"') for name, _, value in pairs}


def challenge(epoch: str, count: int) -> str:
    """The value of `WWW-Authenticate`: what the next signature has to name."""
    return f"{SCHEME} epoch={epoch}, count={count}"


def sign_request(
    key: bytes, serial: int, epoch: str, count: int, method: str, target: bytes, body: bytes
) -> Signature:
    """`target` is path and query as they stand in the request line."""
    proof = _mac(
        key,
        "request",
        _number(serial),
        epoch.encode(),
        _number(count),
        method.encode(),
        target,
        hashlib.sha256(body).digest(),
    )
    return Signature(serial, epoch, count, proof.hex())


def sign_answer(key: bytes, epoch: str, count: int, status: int, body: bytes) -> str:
    """The value of ANSWER_HEADER."""
    return _mac(
        key, "answer", epoch.encode(), _number(count), _number(status), hashlib.sha256(body).digest()
    ).hex()


def same(one: str, other: str) -> bool:
    """Whether two proofs are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


class Window:
    """Takes each count once (as RFC 4303 section 3.4.3 does): what is new, or unseen among the last WIDTH."""

    WIDTH = 64

    def __init__(self) -> None:
        self.highest = 0
        self._seen = 0

    def take(self, count: int) -> bool:
        """Whether this count may be used; from now on it may not."""
        if count > self.highest:
            shift = count - self.highest
            self._seen = ((self._seen << shift) | 1) & ((1 << self.WIDTH) - 1) if shift < self.WIDTH else 1
            self.highest = count
            return True
        behind = self.highest - count
        if count < 1 or behind >= self.WIDTH or self._seen >> behind & 1:
            return False
        self._seen |= 1 << behind
        return True


def _number(value: int) -> bytes:
    return str(value).encode()


def _mac(key: bytes, label: str, *fields: bytes) -> bytes:
    """HMAC over the label and the fields, each behind its length: no two lists of fields look alike."""
    digest = hmac.new(key, f"cellnet 1 {label}".encode(), hashlib.sha256)
    for value in fields:
        digest.update(len(value).to_bytes(8, "big"))
        digest.update(value)
    return digest.digest()
