"""How lists are asked for: limit, marker, sort, filters; and the link to the next page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, cast

from fastapi import Request
from pydantic import Field, WithJsonSchema

from cellnet_core.northbound.fields import Input, Link
from cellnet_core.northbound.versions import Version
from cellnet_core.store.errors import BadQueryError
from cellnet_core.store.listing import Direction, Filter, Operator, Page, PageQuery

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
OPERATORS: tuple[Operator, ...] = ("in", "nin", "neq", "gt", "gte", "lt", "lte")


class Identified(Protocol):
    """What lists are made of."""

    @property
    def id(self) -> Any: ...


Item = TypeVar("Item")
Shown = TypeVar("Shown", bound=Identified)
FilterText = Annotated[
    str | None,
    WithJsonSchema(
        {
            "type": "string",
            "description": 'A value, or an operator with values: "in:a,b" "nin:a,b" "neq:a" "gt:1" "lte:1"',
        }
    ),
]
QueryText = Annotated[str | None, WithJsonSchema({"type": "string"})]


class FilterInput(Input):
    """A query whose fields are filters."""

    def filters(self, *others: str) -> tuple[Filter, ...]:
        """All that were said, but for these `others`, which are no filters."""
        return tuple(
            _filter(field, text)
            for field, text in self.model_dump(exclude=set(others)).items()
            if text is not None
        )


class PageInput(FilterInput):
    """The query of a list in one order; resources add their fields as filters."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    marker: Annotated[QueryText, Field(description="The id of the last object of the page before.")] = None

    def page_query(self, default_sort: str | None = None) -> PageQuery:
        """As the store takes it. Raises BadQueryError."""
        sort = getattr(self, "sort", None) or default_sort
        filters = self.filters("limit", "marker", "sort")
        return PageQuery(self.limit, self.marker, _sort(sort) if sort else (), filters)


class ListInput(PageInput):
    """The query of a list in any order."""

    sort: Annotated[QueryText, Field(description='"name:asc,created_at:desc"')] = None


class NamedList(ListInput):
    """The query of a list of what has an id, a name and tags."""

    id: FilterText = None
    name: FilterText = None
    tags: FilterText = None
    since: ClassVar[Mapping[str, Version]] = {"tags": (1, 2)}


def listed(
    request: Request, page: Page[Item], present: Callable[[Request, Item], Shown]
) -> tuple[list[Shown], list[Link]]:
    """A page as clients see it, and the link to the next one if there is one. The same for all resources."""
    shown = [present(request, item) for item in page.items]
    return shown, next_page(request, page, str(shown[-1].id)) if shown else []


def next_page(request: Request, page: Page[Any], marker: str) -> list[Link]:
    """The link to what comes behind the marker, if something does."""
    if not page.more:
        return []
    return [Link(rel="next", href=str(request.url.include_query_params(marker=marker)))]


def _filter(field: str, text: str) -> Filter:
    operator, separator, rest = text.partition(":")
    if separator and operator in OPERATORS:
        values = tuple(rest.split(",")) if operator in ("in", "nin") else (rest,)
        return Filter(field, operator, values)
    return Filter(field, "eq", (text,))


def _sort(text: str) -> tuple[tuple[str, Direction], ...]:
    keys = []
    for part in text.split(","):
        field, _, direction = part.strip().partition(":")
        if direction not in ("", "asc", "desc"):
            raise BadQueryError(
                "sort", f"{part!r}: {direction!r} is no direction; write {field}:asc or {field}:desc"
            )
        keys.append((field, cast(Direction, direction or "asc")))
    return tuple(keys)
