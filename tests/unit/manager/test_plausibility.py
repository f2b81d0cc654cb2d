"""What cannot be is found wherever it stands, and nothing else is."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnet_core.manager import plausibility
from cellnet_core.manager.errors import InvalidError
from cellnet_core.manager.plausibility import LARGEST, LONGEST
from cellnet_core.model.wire import ConditionReport, ReportDocument
from tests.unit.manager.world import MAIN, obey

SOUND = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, LARGEST),
    st.floats(0, LARGEST),
    st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20),
)
WRONG = st.sampled_from([-1, LARGEST + 1, -0.5, math.nan, math.inf, "\x00", "a\x00", "x" * (LONGEST + 1)])


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values as documents have them, at any depth."""
    words = st.text("abc", max_size=3)
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4).map(tuple)
            | st.dictionaries(words, inner, max_size=4)
            | inner.map(
                lambda value: ConditionReport.model_construct(
                    type=value, status="True", reason="R", message="m"
                )
            )
        ),
        max_leaves=12,
    )


def with_value(value: Any) -> ReportDocument:
    return obey(None, MAIN, 1).model_copy(update={"drifts": (value,)})


@given(nested(SOUND))
def test_what_can_be_is_taken(value: Any) -> None:
    plausibility.check(with_value(value))


@given(nested(SOUND), WRONG, st.data())
def test_what_cannot_be_is_found_at_any_depth(value: Any, wrong: Any, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 4))):
        wraps = [lambda v: (v, value), lambda v: (value, v), lambda v: {"a": v}]
        if isinstance(wrong, str):
            wraps.append(lambda v: {v: value} if isinstance(v, str) else (v,))
        wrong = data.draw(st.sampled_from(wraps))(wrong)
    with pytest.raises(InvalidError, match="drifts"):
        plausibility.check(with_value((value, wrong)))


@pytest.mark.parametrize("count", [1, 15, 17, 10_000])
@pytest.mark.parametrize("wrong", ["\x00", "x" * (LONGEST + 1)])
def test_one_among_many_texts_is_found(count: int, wrong: str) -> None:
    texts = tuple(f"10.{n >> 8}.{n & 255}.0/24" for n in range(count))
    plausibility.check(with_value(texts))
    with pytest.raises(InvalidError, match=f"drifts.0.{count // 2}"):
        plausibility.check(with_value((*texts[: count // 2], wrong, *texts[count // 2 :])))


def test_the_first_generation_is_above_minus_one() -> None:
    plausibility.check(obey(None, MAIN, 1))
    with pytest.raises(InvalidError, match="generation"):
        plausibility.check(obey(None, MAIN, 1).model_copy(update={"generation": -2}))
