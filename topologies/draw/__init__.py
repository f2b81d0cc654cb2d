"""Pictures of a topology: SVG for pages and reports, text for the terminal.

`to_svg` and `to_text` take a topology and, if wanted, the state of some of its nodes and links. They decide
nothing about a network and know nothing of files or terminals.
"""

from __future__ import annotations

from topologies.draw.states import State
from topologies.draw.svg import to_svg
from topologies.draw.text import to_text

__all__ = ["State", "to_svg", "to_text"]
