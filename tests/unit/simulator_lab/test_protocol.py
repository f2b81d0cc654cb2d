"""Requests and answers survive the wire; whatever else comes over it is refused, never a traceback."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import codec, protocol
from simulator.context import Completed
from simulator.errors import BY_CODE, LabError, LabUsageError, NotReadyError
from topologies import catalogue

REQUESTS: tuple[protocol.Request, ...] = (
    protocol.Show(),
    protocol.Exec("main-h1", ("ping", "-c", "1"), 2.5, "input"),
    protocol.Spawn("main-h1", ("sleep", "1"), "nap", {"A": "b"}, realtime=True),
    protocol.Stop("nap"),
    protocol.Wait("nap", 1.0),
    protocol.WaitReady(60.0),
    protocol.KillService("agent@main-gw1", 9),
    protocol.RestartService("agent@main-gw1"),
    protocol.Inject({"kind": "cut", "link": "main-east-1"}),
    protocol.Clear("f1"),
    protocol.ClearAll(),
    protocol.AddNode("extra"),
    protocol.RemoveNode("extra"),
    protocol.AddLink(catalogue.build("two-cells").links[0]),
    protocol.RemoveLink("main-east-1"),
    protocol.Record("step", {"name": "cut"}),
    protocol.Down(),
)


def test_the_list_above_has_every_request() -> None:
    assert {type(request) for request in REQUESTS} == set(protocol.Request.__args__)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.op)
def test_requests_survive(request_: protocol.Request) -> None:
    line = protocol.encode_request(request_)
    assert line.count(b"\n") == 1
    assert protocol.parse_request(line) == request_


@given(
    st.binary() | st.text().map(str.encode) | st.from_type(dict).map(lambda d: json.dumps(str(d)).encode())
)
def test_anything_else_is_refused(line: bytes) -> None:
    with pytest.raises(LabUsageError):
        protocol.parse_request(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not a line of JSON"),
        (b"[]", "expected a JSON object, got list"),
        (b'{"op": "shwo"}', "unknown operation 'shwo'; known: add-link, add-node, clear"),
        (b'{"op": ["show"]}', "unknown operation"),
        (b'{"op": "clear"}', "clear: field 'id' is missing"),
        (b'{"op": "clear", "args": {"id": 1}}', "clear.id: expected str, got 1"),
        (b'{"op": "clear", "args": {"id": "f1", "force": true}}', "clear: unknown field 'force'; known: id"),
        (b'{"op": "clear", "args": 3}', "clear: expected an object, got int"),
    ],
)
def test_refusals_name_the_place(line: bytes, message: str) -> None:
    with pytest.raises(LabUsageError) as refused:
        protocol.parse_request(line)
    assert message in str(refused.value)


def test_answers_survive() -> None:
    done = Completed(0, "out", "err")
    answer = protocol.parse_answer(protocol.encode_result(done))
    assert isinstance(answer, protocol.Result)
    assert codec.from_document(Completed, answer.value) == done
    assert protocol.parse_answer(protocol.encode_progress("half way")) == protocol.Progress("half way")


@pytest.mark.parametrize("kind", BY_CODE.values())
def test_errors_arrive_as_what_they_were(kind: type[LabError]) -> None:
    with pytest.raises(kind, match="the reason") as raised:
        protocol.parse_answer(protocol.encode_error(kind("the reason")))
    assert type(raised.value) is kind


def test_user_mistakes_exit_with_2_and_failures_with_1() -> None:
    assert LabUsageError("").exit_code == 2
    assert NotReadyError("").exit_code == 1
