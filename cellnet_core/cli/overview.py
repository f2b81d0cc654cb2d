"""The list of commands with a line on each, read from their sources without importing them.

Importing every command to ask it for its docstring would load Mininet, the web framework and more, only to
say what there is.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
from pathlib import Path
from typing import TextIO

from cliff.commandmanager import CommandManager

HIDDEN = ("help", "complete")


def write(parser: argparse.ArgumentParser, manager: CommandManager, out: TextIO) -> None:
    """Options first, then the commands by group."""
    parser.print_help(out)
    out.write("\nCommands:\n")
    sources: dict[str, dict[str, str]] = {}
    names = sorted(name for name, _ in manager if name not in HIDDEN)
    width = max((len(name) for name in names), default=0)
    group = ""
    for name in names:
        if group and name.split()[0] != group:
            out.write("\n")
        group = name.split()[0]
        out.write(f"  {name:<{width}}  {_summary(manager.commands[name].value, sources)}".rstrip() + "\n")
    out.write(f"\n`{parser.prog} COMMAND --help` explains a command.\n")


def _summary(target: str, sources: dict[str, dict[str, str]]) -> str:
    """First line of the docstring of "module:Class"; empty when it cannot be found."""
    module, _, name = target.partition(":")
    if module not in sources:
        sources[module] = _docstrings(module)
    return sources[module].get(name, "")


def _docstrings(module: str) -> dict[str, str]:
    try:
        spec = importlib.util.find_spec(module)
    except ImportError:
        return {}
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return {}
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    return {
        node.name: (ast.get_docstring(node) or "").partition("\n")[0]
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
