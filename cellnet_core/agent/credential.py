"""The agent's credential: got once by a one-time token, kept in its state directory (mode 600), used to sign.

enrolment.json     what an enrolment under way has said, so that it can be repeated when an answer is lost
credential.json    the key, and the serial that the manager knows it by
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cellnet_core.model import proof
from cellnet_core.model.proof import ProofError, Token


class EnrolmentError(Exception):
    """No credential, and none can be got like this; the message says what the operator has to do."""


class Credential(BaseModel):
    """The key of this agent."""

    model_config = ConfigDict(frozen=True)
    serial: int
    key: str = Field(repr=False)
    """Hexadecimal digits."""

    @property
    def secret(self) -> bytes:
        """The key as it signs."""
        return bytes.fromhex(self.key)


class Pending(BaseModel):
    """An enrolment under way: with which token, and what was said to make it new."""

    model_config = ConfigDict(frozen=True)
    serial: int
    nonce: str


class CredentialStore:
    """Files in the state directory."""

    def __init__(self, directory: Path, token_file: Path | None = None) -> None:
        """`token_file` holds the one-time token, where the site names one."""
        self._credential = directory / "credential.json"
        self._pending = directory / "enrolment.json"
        self._token_file = token_file

    @property
    def expected(self) -> bool:
        """Whether this agent enrols: else it talks to a manager that asks nobody who they are."""
        return self._token_file is not None

    def load(self) -> Credential | None:
        """The credential; None before the agent has enrolled. Raises EnrolmentError."""
        try:
            return Credential.model_validate_json(self._credential.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            # A validation error shows what it refuses: that may be the key.
            reason = error.strerror if isinstance(error, OSError) else "not a credential"
            raise EnrolmentError(
                f"{self._credential}: {reason}; remove it and enrol the agent again"
            ) from None

    def token(self) -> Token:
        """The one-time token. Raises EnrolmentError."""
        assert self._token_file is not None, "asked only where one is expected"
        try:
            return proof.parse_token(self._token_file.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError, ProofError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise EnrolmentError(f"{self._token_file}: {reason}") from error

    def superseded(self, credential: Credential) -> bool:
        """Whether the token is newer than the credential: the operator wants this agent to enrol again."""
        try:
            return self.expected and self.token().serial > credential.serial
        except EnrolmentError:
            return False

    def nonce(self, token: Token) -> str:
        """What this enrolment says: the same each time it is repeated. Raises EnrolmentError."""
        try:
            pending = Pending.model_validate_json(self._pending.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError, ValidationError):
            pending = None
        if pending is None or pending.serial != token.serial:
            pending = Pending(serial=token.serial, nonce=proof.new_nonce())
            self._write(self._pending, pending.model_dump_json())
        return pending.nonce

    def keep(self, serial: int, secret: bytes) -> Credential:
        """From now on this is the credential. Raises EnrolmentError."""
        credential = Credential(serial=serial, key=secret.hex())
        self._write(self._credential, credential.model_dump_json())
        self._pending.unlink(missing_ok=True)
        return credential

    def _write(self, path: Path, text: str) -> None:
        new = path.with_suffix(".new")
        try:
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise EnrolmentError(f"{path}: cannot be written: {error.strerror}") from error
