"""`python -m simulator.captures FILE|-`: run one capture, described as JSON in FILE.

`-`: the description is the first line of standard input, and the capture ends with that input; a caller that
dies can leave nothing behind.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from simulator import codec
from simulator.captures.process import Capturer, Spec


def main(argv: list[str]) -> int:
    """Exit status 0 however the capture came to its end."""
    [source] = argv
    leash = None
    if source == "-":
        leash = sys.stdin.fileno()
        text = _line(leash)
    else:
        text = Path(source).read_text(encoding="utf-8")
    spec = codec.from_document(Spec, json.loads(text), place=source)
    count = Capturer(spec, leash).run()
    print(f"{count} packets", file=sys.stderr)
    return 0


def _line(descriptor: int) -> str:
    """One line and not a byte more: what follows is waited for with poll(2)."""
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(descriptor, 1 << 20)
        if not piece:
            raise EOFError("standard input ended before the description of a capture")
        data += piece
    return data.decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
