"""Who announces which prefix, kept as ranges so that overlaps are found by one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from typing import cast

from sqlalchemy import Table, delete, insert, select

from cellnet_core.store.schema import PrefixRow
from cellnet_core.store.session import Session

_ADD = insert(cast(Table, PrefixRow.__table__))

ONE_BY_ONE = 16
"""So many prefixes are looked up by queries of their own, which cost what they find, not what is stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A prefix and who has it: "cell main", "endpoint main-ep"."""

    owner: str
    prefix: str


def replace(session: Session, owner_id: str, owner: str, cell_id: str, prefixes: Iterable[str]) -> None:
    """From now on this owner announces exactly these prefixes (none: it is forgotten)."""
    session.execute(delete(PrefixRow).where(PrefixRow.owner_id == owner_id))
    add(session, owner_id, owner, cell_id, prefixes)


def add(session: Session, owner_id: str, owner: str, cell_id: str, prefixes: Iterable[str]) -> None:
    """This owner, which announced nothing, announces these prefixes."""
    rows = []
    for text in prefixes:
        version, first, last = _range(text)
        rows.append(
            {
                "owner_id": owner_id,
                "owner": owner,
                "cell_id": cell_id,
                "prefix": text,
                "version": version,
                "first": first,
                "last": last,
            }
        )
    if rows:
        session.execute(_ADD, rows)


def overlap(session: Session, prefix: str, cell_id: str) -> Claim | None:
    """A prefix of another cell that overlaps this one, or None.

    Two prefixes overlap exactly when one contains the other. So this looks at what begins inside this one,
    and at the few places where a wider one could begin: it costs what it finds, not what is stored.
    """
    version, first, last = _range(prefix)
    others = (PrefixRow.version == version, PrefixRow.cell_id != cell_id)
    inside = (PrefixRow.first >= first, PrefixRow.first <= last)
    around = (PrefixRow.first.in_(_wider(prefix)), PrefixRow.last >= last)
    for where in (inside, around):
        row = session.execute(
            select(PrefixRow.owner, PrefixRow.prefix).where(*others, *where).limit(1)
        ).first()
        if row is not None:
            return Claim(row.owner, row.prefix)
    return None


def first_overlap(session: Session, wanted: Sequence[str], cell_id: str) -> tuple[str, Claim] | None:
    """The first of these prefixes that overlaps one of another cell, and which one; None if none does.

    Few are looked up one by one; many are compared in one pass over what others have between the lowest and
    the highest of them.
    """
    if len(wanted) <= ONE_BY_ONE:
        return next(
            (
                (prefix, claim)
                for prefix in wanted
                if (claim := overlap(session, prefix, cell_id)) is not None
            ),
            None,
        )
    for version in (4, 6):
        own = sorted(
            (first, last, text) for text in wanted for v, first, last in (_range(text),) if v == version
        )
        if not own:
            continue
        # Ranges of prefixes are nested or apart, so the widest so far is the only one that can reach further.
        others = session.execute(
            select(PrefixRow.first, PrefixRow.last, PrefixRow.owner, PrefixRow.prefix)
            .where(PrefixRow.version == version, PrefixRow.cell_id != cell_id)
            .where(PrefixRow.first <= max(last for _, last, _ in own), PrefixRow.last >= own[0][0])
            .order_by(PrefixRow.first, PrefixRow.last.desc())
        )
        found = _sweep(own, [(row.first, row.last, Claim(row.owner, row.prefix)) for row in others])
        if found is not None:
            return found
    return None


def _sweep(
    own: Sequence[tuple[str, str, str]], others: Sequence[tuple[str, str, Claim]]
) -> tuple[str, Claim] | None:
    """Both in order of their first addresses; within each, ranges are nested or apart."""
    position, reach = 0, None
    for first, last, text in own:
        while position < len(others) and others[position][0] <= last:
            candidate = others[position]
            if reach is None or candidate[1] > reach[1]:
                reach = candidate
            position += 1
        if reach is not None and reach[1] >= first:
            return text, reach[2]
    return None


def _wider(prefix: str) -> list[str]:
    """Where prefixes that contain this one can begin."""
    network = ip_network(prefix)
    bits = network.max_prefixlen
    start = int(network.network_address)
    begins = {start >> (bits - length) << (bits - length) for length in range(network.prefixlen)}
    return [f"{begin:032x}" for begin in sorted(begins)]


# The same prefix is looked at three times on its way in, and parsing it is most of the work.
@lru_cache(maxsize=1 << 15)
def _range(prefix: str) -> tuple[int, str, str]:
    network = ip_network(prefix)
    return (
        network.version,
        f"{int(network.network_address):032x}",
        f"{int(network.broadcast_address):032x}",
    )
