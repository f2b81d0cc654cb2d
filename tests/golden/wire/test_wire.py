"""A manager and an agent one version apart understand each other: documents of each version, read by both.

The files are never changed; a new version adds its own. `version_1.py` is the reader of that version.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from cellnet_core.agent import report
from cellnet_core.agent.manager import ManagerClient, VersionError
from cellnet_core.model import wire
from cellnet_core.northbound.app import create_app
from tests.golden.wire import version_1, version_2
from tests.unit.manager.world import MAIN, World, obey

HERE = Path(__file__).parent
READERS: dict[int, ModuleType] = {1: version_1, 2: version_2, 3: wire}
NAMES = ("IntentDocument", "ReportDocument")


def golden(version: int, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / f"version-{version}-{name}.json").read_text())
    return document


def contains(whole: Any, part: Any) -> bool:
    """Whether everything that the part says is said by the whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and contains(whole[k], v) for k, v in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_this_is_the_newest_version() -> None:
    assert max(READERS) == wire.WIRE_VERSION, "freeze the reader of the last version, add goldens of the new"
    assert wire.OLDEST_VERSION <= wire.WIRE_VERSION - 1, "one version apart works"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", READERS)
def test_both_directions(writer: int, reader: int, name: str) -> None:
    """What both versions know arrives as it was said; what only one knows does no harm."""
    document = golden(writer, name)
    assert document["wire_version"] == writer
    kind: type[BaseModel] = getattr(READERS[reader], name)
    read = json.loads(kind.model_validate_json(json.dumps(document)).model_dump_json())
    if reader >= writer:
        assert contains(read, document), "nothing was dropped"
    else:
        assert contains(document, read), "nothing was made up"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_now_is_what_is_pinned(name: str) -> None:
    """The golden document of this version says every field that there is."""
    document = golden(wire.WIRE_VERSION, name)
    kind: type[BaseModel] = getattr(wire, name)
    assert json.loads(kind.model_validate(document).model_dump_json()) == document


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "manager.db")
    made.online()
    return made


def test_an_agent_of_version_1_works_with_this_manager(world: World) -> None:
    """It sends no header, and knows its own words only."""
    api = TestClient(create_app(world.manager))
    content = api.get("/v1/agents/main/main-gw1/intent").content
    intent = version_1.IntentDocument.model_validate_json(content)
    assert [c.name for c in intent.connections] == ["main-east"]
    now = obey(world.intent("main"), MAIN, 90)
    old = version_1.ReportDocument.model_validate_json(now.model_dump_json())
    body = old.model_copy(update={"wire_version": 1}).model_dump_json()
    headers = {"Content-Type": "application/json"}
    assert api.put("/v1/agents/main/main-gw1/report", content=body, headers=headers).status_code == 204
    assert api.get("/v1/agents/main/main-gw1").json()["agent"]["wire_version"] == 1


FAR = wire.Head(wire_version=9, readable_since=8)


def test_the_manager_says_so_when_an_agent_is_too_far_ahead(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    api = TestClient(create_app(world.manager))
    headers = {wire.VERSION_HEADER: FAR.header(), "Content-Type": "application/json"}
    for _ in range(2):
        # Nothing of it is read: it may look like anything.
        answer = api.put("/v1/agents/main/main-gw1/report", json={"all": "new"}, headers=headers)
        assert answer.status_code == 409
        assert answer.json()["errors"][0]["code"] == "cell-network.agent.wire_version"
    assert "this manager has 3: upgrade it" in answer.json()["errors"][0]["detail"]
    assert world.event_types().count("agent.wire_version") == 1, "said once"
    assert "main/main-gw1: the agent speaks wire version 9" in caplog.text


def ask(answer: httpx.Response) -> None:
    client = ManagerClient("http://m", "main", "gw", httpx.MockTransport(lambda _: answer))
    asyncio.run(client.intent(-1, 0))


def test_the_agent_says_so_when_the_manager_is_too_far_ahead(world: World) -> None:
    strange = {**FAR.model_dump(), "everything": "else"}
    with pytest.raises(
        VersionError, match=r"the manager speaks wire version 9.*this agent has 3: upgrade it"
    ):
        ask(httpx.Response(200, json=strange))
    with pytest.raises(VersionError, match="upgrade the manager"):
        ask(httpx.Response(200, json={"wire_version": 0}))
    refusal = {"errors": [{"code": "cell-network.agent.wire_version", "detail": "upgrade the agent"}]}
    with pytest.raises(VersionError, match="upgrade the agent"):
        ask(httpx.Response(409, json=refusal))
    told = report.with_notice(obey(world.intent("main"), MAIN, 91), "too far")
    (notice,) = told.connections[0].conditions
    assert (notice.reason, notice.message) == ("WireVersionUnusable", "too far")


@pytest.mark.parametrize("value", ["", "version", "version=x", "version=2, readable_since=", "\x00", "a=b=c"])
def test_a_malformed_header_is_that_of_version_1(value: str) -> None:
    assert wire.parse_header(value).problem("the agent", "this manager") is None
