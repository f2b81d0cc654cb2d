"""The manager's configuration file, YAML or JSON (which is YAML).

database: /var/lib/cellnet/manager.db     # a path, or a database URL
unix_socket: /run/cellnet/manager.sock    # for users of this machine
listen: "100.64.0.1:9790"                 # for agents; "[fd00::1]:9790" for IPv6; port 0 chooses one
cells: cells.yaml                         # a file with a list of cells, or the list itself
journal: /var/log/cellnet/manager.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from cellnet_core.northbound.cells import CellInput
from cellnet_core.northbound.fields import Input

MAX_UNIX_PATH = 107
"""Bytes that the kernel takes (unix(7): sun_path, with its final zero)."""


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the file, the place and the remedy."""


def _address(text: str) -> str:
    parse_listen(text)
    return text


def _socket_path(text: str) -> str:
    if len(text.encode()) > MAX_UNIX_PATH:
        raise ValueError(
            f"{text!r} is longer than the {MAX_UNIX_PATH} bytes a unix socket may have; choose a shorter"
        )
    return text


class Configuration(Input):
    """What the file says; at least one of `unix_socket` and `listen` is needed."""

    database: str
    unix_socket: Annotated[str, AfterValidator(_socket_path)] | None = None
    listen: Annotated[str, AfterValidator(_address)] | None = None
    cells: tuple[CellInput, ...] = ()
    journal: str | None = None


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[host]:port". Raises ValueError."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f'{text!r} is no address; write "100.64.0.1:9790" or "[fd00::1]:9790"')
    return host, int(port)


def load(path: Path) -> Configuration:
    """Read and check the file. Relative paths in it stay as they are. Raises ConfigurationError."""
    content = _read(path)
    if not isinstance(content, dict):
        raise ConfigurationError(f'{path}: not a mapping; begin with "database: PATH"')
    cells = content.get("cells")
    if isinstance(cells, str):
        content = {**content, "cells": _cells(path.parent / cells)}
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{path}: {'.'.join(str(part) for part in problem['loc']) or 'file'}: "
            + problem["msg"].removeprefix("Value error, ")
            for problem in error.errors()
        ]
        raise ConfigurationError("\n".join(problems)) from error
    if configuration.unix_socket is None and configuration.listen is None:
        raise ConfigurationError(f"{path}: nowhere to listen; give unix_socket or listen")
    return configuration


def _cells(path: Path) -> Any:
    """The list in a file of cells, bare or under the key "cells"."""
    content = _read(path)
    return content["cells"] if isinstance(content, dict) and "cells" in content else content


def _read(path: Path) -> Any:
    # JSON is what labs write and loads much faster; YAML is for people.
    import json

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ConfigurationError(f"{path}: is neither JSON nor YAML: {error}") from error
