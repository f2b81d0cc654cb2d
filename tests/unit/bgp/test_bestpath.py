"""RFC 4271 section 9.1.2.2, step by step, and the properties a ranking must have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgp.bestpath import Path, rank
from tests.unit.bgp.samples import route


def path(number: int, **changes: Any) -> Path:
    router_id = changes.pop("router_id", f"10.0.{number}.1")
    return Path(route("10.9.0.0/24", **changes), f"172.16.0.{number}", router_id)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"local_preference": 200, "as_path_length": 9}, {}),
        ({}, {"local_preference": 99}),
        ({"origin": "incomplete"}, {"as_path_length": 2}),
        ({"med": 50}, {"origin": "egp"}),
        ({"origin": "egp"}, {"origin": "incomplete"}),
        ({"med": None}, {"med": 1}),
        ({"router_id": "10.0.0.9"}, {"router_id": "10.0.0.10"}),
        ({"router_id": "10.0.0.9"}, {"router_id": None}),
    ],
)
def test_the_better_comes_first(better: dict[str, Any], worse: dict[str, Any]) -> None:
    best, other = path(9, **better), path(1, **worse)
    assert rank([other, best]) == (best, other)


def test_the_peer_address_decides_last_and_counts_as_a_number() -> None:
    nine, ten = (path(number, router_id="10.0.0.1") for number in (9, 10))
    assert rank([ten, nine]) == (nine, ten)


def test_the_med_counts_only_within_one_neighbouring_as() -> None:
    other_as = path(2, as_path=(65003,), med=100)
    low, high = path(3, med=1), path(1, med=2)
    # 10.0.1.1 has the lowest identifier but loses to the same AS's lower MED.
    assert rank([high, low, other_as]) == (other_as, low, high)


PATHS = st.lists(
    st.builds(
        path,
        st.integers(1, 200),
        local_preference=st.sampled_from([None, 100, 200]),
        as_path=st.sampled_from([(), (65002,), (65003,)]),
        as_path_length=st.integers(0, 2),
        origin=st.sampled_from(["igp", "egp", "incomplete"]),
        med=st.sampled_from([None, 0, 5]),
        router_id=st.sampled_from(["10.0.0.1", "10.0.0.2", None]),
    ),
    unique_by=lambda one: one.peer_address,
    max_size=6,
)


@given(PATHS, st.randoms(use_true_random=False))
def test_the_ranking_is_total_and_does_not_depend_on_the_order(paths: list[Path], random: Any) -> None:
    ranked = rank(paths)
    assert sorted(map(repr, ranked)) == sorted(map(repr, paths))
    random.shuffle(paths)
    assert rank(paths) == ranked
