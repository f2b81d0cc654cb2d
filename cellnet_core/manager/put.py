"""PUT, the same for every resource: replace what is there, or make it under an id that the client chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from cellnet_core.store.session import Session

Record = TypeVar("Record")


def target(
    session: Session,
    reference: str,
    expected: int | None,
    find: Callable[[Session, str], Record | None],
    require: Callable[[Session, str], Record],
) -> tuple[Record | None, str]:
    """What is there; or None, and the id under which it is to be made.

    It is made only for a UUID, and only when no revision is expected: then repeating is safe. Raises what
    `require` raises when it is neither there nor to be made.
    """
    chosen = as_uuid(reference)
    # A UUID may be written in several ways, and is kept in one.
    found = find(session, reference) or (None if chosen is None else find(session, chosen))
    if found is None and expected is None and chosen is not None:
        return None, chosen
    return found or require(session, reference), ""


def as_uuid(text: str) -> str | None:
    """The id that a client chose by an address, in canonical text; None when the text is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        return None
