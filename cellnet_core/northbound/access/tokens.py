"""Static tokens from a file: who has which roles. Only hashes are in it.

    # user    roles                sha256 of the token         options
    alice     admin                9f86d081884c7d65...
    nagios    reader               60303ae22b998861...
    east      peer                 fd61a03af4f77d87...          connections=main-east

`cellnet token create` makes a token of 256 random bits and its line. A plain hash is enough for that: nobody
can guess such a token, as one could a password. The file is read again when it changes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cellnet_core.northbound.access.identity import ROLES, Identity, expand

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@\-]{0,62}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NOT_ALLOWED = stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH
PREFIX = "cnt_"
"""First characters of every token that is made here, so that scanners for leaked secrets can find them."""


class TokensError(Exception):
    """The file of tokens cannot be used; the message names the line and the remedy, never a token."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line: the token's hash, and whose it is."""

    digest: bytes
    identity: Identity


def create() -> str:
    """A new token."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """As it stands in the file."""
    return hashlib.sha256(token.encode()).hexdigest()


def line(user: str, roles: tuple[str, ...], token: str, connections: tuple[str, ...] = ()) -> str:
    """The file's line for a token. Raises TokensError."""
    options = f" connections={','.join(connections)}" if connections else ""
    text = f"{user} {','.join(roles)} {digest(token)}{options}"
    _entry(text)
    return text


def parse(text: str) -> tuple[Entry, ...]:
    """The entries of a file. Raises TokensError."""
    entries: dict[bytes, Entry] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        content = raw.partition("#")[0].strip()
        if not content:
            continue
        try:
            entry = _entry(content)
        except TokensError as error:
            raise TokensError(f"line {number}: {error}") from error
        if entry.digest in entries:
            raise TokensError(f"line {number}: the same token as {entries[entry.digest].identity.user}'s")
        entries[entry.digest] = entry
    return tuple(entries.values())


def _entry(content: str) -> Entry:
    user, *rest = content.split()
    if not _USER.fullmatch(user):
        raise TokensError("the user's name has letters, digits and _.@- only, 63 at most")
    if len(rest) not in (2, 3):
        raise TokensError("write USER ROLES SHA256 [connections=NAME,NAME]; `cellnet token create` does")
    roles = tuple(rest[0].split(","))
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise TokensError(f"unknown role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    if not _DIGEST.fullmatch(rest[1]):
        raise TokensError("the third word is no SHA-256 hash of 64 hexadecimal digits in lower case")
    connections: tuple[str, ...] = ()
    if len(rest) == 3:
        name, _, value = rest[2].partition("=")
        connections = tuple(value.split(","))
        if name != "connections" or not all(connections):
            raise TokensError("the only option is connections=NAME,NAME")
    if "peer" in roles and not connections:
        raise TokensError("a peer needs connections=NAME,NAME: which it may read")
    return Entry(bytes.fromhex(rest[1]), Identity(user, expand(roles), connections))


class TokenFile:
    """The tokens in force. What is in a file that became unusable counts no more: nobody is let in by it."""

    def __init__(self, path: Path) -> None:
        """Raises TokensError: a manager does not start with tokens it cannot read."""
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._entries: tuple[Entry, ...] = ()
        self._problem: TokensError | None = None
        self._refresh()
        if self._problem is not None:
            raise self._problem

    def find(self, token: str) -> Identity | None:
        """Whose token it is. Raises TokensError while the file cannot be used."""
        self._refresh()
        if self._problem is not None:
            raise self._problem
        said = hashlib.sha256(token.encode()).digest()
        found = None
        for entry in self._entries:  # all of them: how long it takes tells nothing
            if hmac.compare_digest(entry.digest, said):
                found = entry.identity
        return found

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            _check_permissions(self._path, status)
            self._entries = parse(self._path.read_text(encoding="utf-8"))
            self._problem = None
        except (OSError, UnicodeDecodeError, TokensError) as error:
            self._entries, self._stamp = (), self._stamp if isinstance(error, TokensError) else None
            self._problem = TokensError(f"{self._path}: {error}")


def _check_permissions(path: Path, status: os.stat_result) -> None:
    if status.st_mode & _NOT_ALLOWED:
        raise TokensError(
            f"others may read it or the group may write it (mode {stat.S_IMODE(status.st_mode):o}): "
            f"chmod 640 {path}"
        )
    if status.st_uid not in (0, os.geteuid()):
        raise TokensError(f"it belongs to user {status.st_uid}: chown it to root or to who runs the manager")
