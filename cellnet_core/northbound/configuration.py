"""The manager's configuration file, YAML or JSON (which is YAML).

database: /var/lib/cellnet/manager.db     # a path, or a database URL
unix_socket: /run/cellnet/manager.sock    # for users of this machine
listen: "100.64.0.1:9790"                 # for agents; "[fd00::1]:9790" for IPv6; port 0 chooses one
cells: cells.yaml                         # a file with a list of cells, or the list itself
journal: /var/log/cellnet/manager.jsonl
tokens: /etc/cellnet/tokens               # who may use `listen`; without it everybody there is an admin
policy: /etc/cellnet/policy.yaml          # overrides of who may do what
agents: enrolled                          # or open; enrolled is the default where there are tokens
agent_secret: /var/lib/cellnet/agent.secret  # made at the first start; credentials follow from it
enrol: [{cell: main, gateway: main-gw1, file: /run/cellnet/gw1.token}]  # one-time tokens, written at start
tls: {certificate: /etc/cellnet/manager.crt, key: /etc/cellnet/manager.key}  # of `listen`
keep: {events: 100000, events_days: 90, drifts: 10000, drifts_days: 90}  # older ones are forgotten

`options.py` has the same for people who prefer oslo.config's files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from cellnet_core.manager.pruning import Limits
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


class Tls(Input):
    """What `listen` shows; PEM. The certificate's file may hold the chain."""

    certificate: str
    key: str


class EnrolInput(Input):
    """An agent that gets its one-time token by a file that the manager writes at start, if it needs one."""

    cell: str
    gateway: str
    file: str


class Keep(Input):
    """How much of what happened is kept: the newest so many, and nothing older than so many days. Drifts that
    are there still are kept whatever their age."""

    events: Annotated[int, Field(ge=1000)] = Limits().events
    events_days: Annotated[float, Field(gt=0, le=36_500)] = Limits().events_days
    drifts: Annotated[int, Field(ge=100)] = Limits().drifts
    drifts_days: Annotated[float, Field(gt=0, le=36_500)] = Limits().drifts_days

    def limits(self) -> Limits:
        """As the manager takes it."""
        return Limits(self.events, self.events_days, self.drifts, self.drifts_days)


class Configuration(Input):
    """What the file says; at least one of `unix_socket` and `listen` is needed."""

    database: str
    unix_socket: Annotated[str, AfterValidator(_socket_path)] | None = None
    listen: Annotated[str, AfterValidator(_address)] | None = None
    cells: tuple[CellInput, ...] = ()
    journal: str | None = None
    tokens: str | None = None
    policy: str | None = None
    agents: Literal["open", "enrolled"] | None = None
    agent_secret: str | None = None
    enrol: tuple[EnrolInput, ...] = ()
    tls: Tls | None = None
    keep: Keep = Keep()

    @property
    def agents_enrolled(self) -> bool:
        """Whether agents have to show who they are."""
        return self.agents == "enrolled" or (self.agents is None and self.tokens is not None)


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
        content = {**content, "cells": cells_of(path.parent / cells)}
    return validate(content, str(path))


def validate(content: dict[str, Any], path: str) -> Configuration:
    """The configuration that a document stands for; `path` is for messages. Raises ConfigurationError."""
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
    if configuration.agents_enrolled and configuration.agent_secret is None:
        raise ConfigurationError(
            f"{path}: agents have to enrol, so agent_secret has to name a file (made at the first start), "
            "such as /var/lib/cellnet/agent.secret"
        )
    return configuration


def cells_of(path: Path) -> Any:
    """The list in a file of cells, bare or under the key "cells". Raises ConfigurationError."""
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
