"""Packets of a whole run, as files in its report: from the words of `--capture` to pcapng files.

One capture a word, from the moment the lab is up until the end. Must not read packets: that is for Wireshark,
and for tests with `simulator.captures`.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from scenarios.outcomes import Captured
from simulator.captures import Capture, Ring, frames
from simulator.captures.keeping import ALWAYS, read, words
from simulator.captures.session import Lab
from topologies.model import Topology

RING = Ring(limit=1 << 30, files=4)
"""1 GiB a word at most; a link under the usual probes takes about 1 MB/s."""
DIRECTORY = "captures"


class CaptureWordsError(Exception):
    """What shall be captured is not there. Exit status 2."""

    exit_code = 2


def wanted(given: Iterable[str], topology: Topology) -> tuple[str, ...]:
    """The words of the option, each once; it may be given several times, with commas in it.

    Raises CaptureWordsError for what is no channel and no link of that topology.
    """
    chosen = tuple(dict.fromkeys(word.strip() for text in given for word in read(text)))
    links = [link.name for link in topology.links]
    for word in chosen:
        if word not in ALWAYS and word not in links:
            near = difflib.get_close_matches(word, [*ALWAYS, *links], 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            there = f"{', '.join(ALWAYS)}; links of {topology.name}: {', '.join(links)}"
            raise CaptureWordsError(f"--capture {word}: there is no such link; {hint}there are: {there}")
    return chosen


class Recorder:
    """The captures of one run. Not for several threads at once."""

    def __init__(self, what: Sequence[str]) -> None:
        self._what = what
        self._captures: list[tuple[str, Capture]] = []

    def start(self, lab: Lab) -> None:
        """Return when packets are captured. Raises CaptureError, LabError."""
        for word in self._what:
            names = words(lab.show(), (word,))
            capture = Capture(lab, names, ring=RING)
            capture.start()
            self._captures.append((word, capture))

    def collect(self, report: Path) -> tuple[Captured, ...]:
        """End them, and move their files to `captures/` in the report.

        Raises CaptureError, LabError, OSError.
        """
        found = []
        for word, capture in self._captures:
            capture.stop()
            (report / DIRECTORY).mkdir(exist_ok=True)
            files = capture.files
            lost = frames.totals(files[-1]) if files else ()
            for number, file in enumerate(files, start=1):
                name = f"{DIRECTORY}/{word}{f'.{number}' if len(files) > 1 else ''}.pcapng"
                shutil.move(file, report / name)
                found.append(
                    Captured(
                        word,
                        name,
                        (report / name).stat().st_size,
                        tuple(
                            f"{one.interface.name}: {one.counted.dropped} packets found no room"
                            for one in lost
                            if one.counted.dropped
                        ),
                    )
                )
        self._captures.clear()
        return tuple(found)
