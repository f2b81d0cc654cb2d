"""Every write that the manager acknowledged is looked up again: what it said is not believed here.

Notes are profiles that no connection uses, written as fast as the manager answers while everything around it
is killed. A write without an answer may have happened or not; the next look says which.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from cellnet_core.client import Client
from cellnet_core.client.errors import ApiError, ClientError, NotFoundError
from tests.soak.world import World

NOTES = 8
PAUSE_S = 0.02
UNCHANGED = 503
"""The only refusal that is not a fault: the manager says that it wrote nothing (docs/durability.md)."""


@dataclass
class Ledger:
    """`possible`: what a note may hold now; None is that it is not there. More than one: no answer came."""

    world: World
    possible: dict[str, set[int | None]] = field(default_factory=dict)
    written: int = 0
    refused: list[str] = field(default_factory=list)

    @contextmanager
    def writing(self, random: Random) -> Iterator[None]:
        """Write all the while; afterwards every note has an answer or two possible contents."""
        enough = threading.Event()

        def keep_writing() -> None:
            while not enough.wait(PAUSE_S):
                self._write(f"note-{random.randrange(NOTES)}", random.randrange(3, 4000))

        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(keep_writing)
            try:
                yield
            finally:
                enough.set()
            writer.result()

    def problems(self) -> list[str]:
        """What differs from what was acknowledged. Afterwards every note is certain again."""
        there = self.world.ask(
            lambda api: {
                each.document["name"]: each.document["hold_time"] for each in api.objects("profiles")
            }
        )
        problems, self.refused = [f"refused: {why}" for why in self.refused], []
        for name, possible in sorted(self.possible.items()):
            seen = there.get(name)
            if seen not in possible:
                problems.append(f"profile {name}: hold_time {seen}, and acknowledged was one of {possible}")
            self.possible[name] = {seen}
        return problems

    def _write(self, name: str, value: int) -> None:
        now = self.possible.setdefault(name, {None})
        if len(now) > 1:
            return  # not known: the next look tells
        (before,) = now
        after = None if before is not None and value % 3 == 0 else value
        self.possible[name] = {before, after}
        try:
            with Client.unix(str(self.world.lab.manager_socket), timeout=2.0) as api:
                if before is None:
                    api.create("profiles", "profile", {"name": name, "hold_time": value})
                elif after is None:
                    api.delete("profiles", name)
                else:
                    api.replace("profiles", "profile", name, {"name": name, "hold_time": value})
        except ApiError as error:
            if error.status == UNCHANGED:
                self.possible[name] = {before}
            elif not isinstance(error, NotFoundError) or before is not None:
                self.refused.append(f"{name} from {before} to {after}: {error.status} {error}")
            return
        except ClientError:
            return
        self.possible[name] = {after}
        self.written += 1
