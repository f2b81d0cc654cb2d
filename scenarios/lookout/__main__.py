"""`python -m scenarios.lookout FILE`: a lookout; FILE is JSON (`scenarios.lookout.values.Spec`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from scenarios.lookout.process import Lookout
from scenarios.lookout.values import Spec
from simulator import codec


def main() -> int:
    """Exit status 0 when told to end, 2 for a spec that is none."""
    if len(sys.argv) != 2:
        print("usage: python -m scenarios.lookout FILE", file=sys.stderr)
        return 2
    try:
        document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        spec = codec.from_document(Spec, document, "spec")
    except (OSError, ValueError) as error:
        print(f"lookout: {sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    Lookout(spec).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
