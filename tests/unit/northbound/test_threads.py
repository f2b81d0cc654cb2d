"""A request is handed to a thread once at most: what a plain function costs more than it does is the way."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from cellnet_core.northbound import app
from cellnet_core.northbound.bodies import JsonRoute


def handed_over(routers: tuple[APIRouter, ...]) -> list[str]:
    """Functions that the framework would call in a thread of their own."""
    return [
        f"{route.path}: {function.__name__}"
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for function in _functions(route)
        if not iscoroutinefunction(function)
    ]


def _functions(route: APIRoute) -> Iterator[Any]:
    if isinstance(route, JsonRoute):  # the few others read nothing and are asked seldom
        yield route.dependant.call
    for dependant in route.dependant.dependencies:
        yield from _dependencies(dependant)


def _dependencies(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for other in dependant.dependencies:
        yield from _dependencies(other)


def test_neither_routes_nor_what_they_depend_on_are_handed_over_one_by_one() -> None:
    assert handed_over(app.routers()) == []


def test_a_plain_dependency_is_seen() -> None:
    def plain() -> None:
        """As anybody would write it."""

    router = APIRouter(route_class=JsonRoute, dependencies=[Depends(plain)])

    @router.get("/")
    def show() -> None:
        """In a thread, by the route itself."""

    assert handed_over((router,)) == ["/: plain"]
