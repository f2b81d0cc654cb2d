"""Files that hold one secret: made by us, for us only."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

SECRET_BYTES = 32


class SecretFileError(Exception):
    """The file cannot be used; the message has the remedy, never the secret."""


def load_or_create(path: Path) -> bytes:
    """The secret in the file, which is made when it is missing. Raises SecretFileError."""
    try:
        status = path.stat()
    except FileNotFoundError:
        write(path, secrets.token_hex(SECRET_BYTES))
        status = path.stat()
    except OSError as error:
        raise SecretFileError(f"{path}: {error.strerror}") from error
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretFileError(f"{path}: others may read or write it: chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SecretFileError(f"{path}: no {SECRET_BYTES} bytes in hexadecimal digits in it") from error
    if len(secret) != SECRET_BYTES:
        raise SecretFileError(f"{path}: {len(secret)} bytes, and not {SECRET_BYTES}")
    return secret


def write(path: Path, text: str) -> None:
    """Replace the file as a whole; mode 600 from its first moment. Raises SecretFileError."""
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise SecretFileError(f"{path}: cannot be written: {error.strerror}") from error
