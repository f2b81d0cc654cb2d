"""Where a topology comes from: the catalogue or a file, by the word a user typed.

The one place where the command line, labs and scenarios turn that word into a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from topologies import catalogue
from topologies.errors import Problem, TopologyError
from topologies.model import Topology

_SUFFIXES = (".yaml", ".yml")


def resolve(name_or_file: str, settings: Mapping[str, int | str] | None = None) -> Topology:
    """The topology of the catalogue with that name, else the one in that file.

    A name of the catalogue wins over a file of the same name (write ./ring for the file). Settings are for
    the catalogue only. Raises TopologyError with the remedy: near names, the file's problems, allowed values.
    """
    if name_or_file in catalogue.names():
        return catalogue.build(name_or_file, settings)
    path = Path(name_or_file)
    if "/" not in name_or_file and path.suffix not in _SUFFIXES and not path.is_file():
        try:
            catalogue.find(name_or_file)
        except TopologyError as error:
            raise TopologyError.of(f"{error}; or give the path of a .yaml file") from error
    if settings:
        given = ", ".join(f"{key}={value}" for key, value in settings.items())
        raise TopologyError.of(
            f"a file takes no settings; edit {name_or_file}, or choose one of {', '.join(catalogue.names())}",
            f"--set {given}",
        )
    # Imported here: YAML and JSON Schema would add 80 ms to the start of commands that read no file.
    from topologies import fileformat

    return fileformat.read(path)


def parse_settings(arguments: Iterable[str]) -> dict[str, str]:
    """The settings of arguments such as "cells=4,paths=2", which may be given several times.

    Raises TopologyError for what is no KEY=VALUE and for a key that is given twice.
    """
    settings: dict[str, str] = {}
    problems = []
    for argument in arguments:
        for item in argument.split(","):
            key, equals, value = (part.strip() for part in item.partition("="))
            if not (key and equals and value):
                problems.append(
                    Problem(f"{item!r} is no setting; write KEY=VALUE, such as cells=4", f"--set {argument}")
                )
            elif key in settings:
                problems.append(Problem(f"{key!r} is given twice; give it once", f"--set {argument}"))
            else:
                settings[key] = value
    if problems:
        raise TopologyError(problems)
    return settings
