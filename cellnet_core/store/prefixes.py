"""Who announces which prefix, kept as ranges so that overlaps are found by one query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from cellnet_core.store.schema import PrefixRow


@dataclass(frozen=True, slots=True)
class Claim:
    """A prefix and who has it: "cell main", "endpoint main-ep"."""

    owner: str
    prefix: str


def replace(session: Session, owner_id: str, owner: str, cell_id: str, prefixes: Iterable[str]) -> None:
    """From now on this owner announces exactly these prefixes (none: it is forgotten)."""
    session.execute(delete(PrefixRow).where(PrefixRow.owner_id == owner_id))
    for text in prefixes:
        version, first, last = _range(text)
        session.add(
            PrefixRow(
                owner_id=owner_id,
                owner=owner,
                cell_id=cell_id,
                prefix=text,
                version=version,
                first=first,
                last=last,
            )
        )
    session.flush()


def overlap(session: Session, prefix: str, cell_id: str) -> Claim | None:
    """A prefix of another cell that overlaps this one, or None."""
    version, first, last = _range(prefix)
    row = session.scalars(
        select(PrefixRow)
        .where(
            PrefixRow.version == version,
            PrefixRow.first <= last,
            PrefixRow.last >= first,
            PrefixRow.cell_id != cell_id,
        )
        .order_by(PrefixRow.id)
        .limit(1)
    ).first()
    return None if row is None else Claim(row.owner, row.prefix)


def _range(prefix: str) -> tuple[int, str, str]:
    network = ip_network(prefix)
    return (
        network.version,
        f"{int(network.network_address):032x}",
        f"{int(network.broadcast_address):032x}",
    )
