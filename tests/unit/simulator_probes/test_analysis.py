"""Figures from records: checked against a slow and obvious oracle, whatever happens to the packets."""

from __future__ import annotations

import random
from itertools import groupby, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.probes.analysis import Figures, FlowRecord

MS = 1_000_000
START = 5_000 * MS


def recorded(fates: list[int], *, interval: int = MS, delay: int = MS // 10) -> FlowRecord:
    """A flow whose packet k arrives `fates[k]` times, in order."""
    record = FlowRecord()
    record.add_sent([START + k * interval for k in range(len(fates))])
    for k, times in enumerate(fates):
        for _ in range(times):
            record.add_received([k], [START + k * interval + delay])
    return record


@pytest.mark.parametrize("lost", [1, 10, 50, 500])
def test_an_outage_lasts_from_the_first_lost_send_to_the_first_delivered_one(lost: int) -> None:
    figures = recorded([1] * 100 + [0] * lost + [1] * 100).figures()
    (outage,) = figures.outages
    assert outage.duration_ms == lost  # at 1,000 packets/s
    assert outage.lost == lost
    assert outage.start_s == (START + 100 * MS) / 1e9
    assert not outage.open
    assert (figures.sent, figures.received, figures.lost) == (200 + lost, 200, lost)


def longest_gap_between_arrivals(arrivals: list[int]) -> float:
    """How a probe that goes by arrivals would measure: the planted lie."""
    return max(b - a for a, b in pairwise(arrivals)) / MS


def test_a_busy_receiver_makes_no_outage() -> None:
    sent = [START + k * MS for k in range(200)]
    arrivals = [time if k < 100 else max(time, sent[100] + 50 * MS) for k, time in enumerate(sent)]
    record = FlowRecord()
    record.add_sent(sent)
    record.add_received(range(200), arrivals)
    assert longest_gap_between_arrivals(arrivals) > 50  # the lie
    figures = record.figures()
    assert figures.outages == ()
    assert figures.lost == 0
    assert figures.delay_ms_max >= 50


def test_a_pause_of_the_sender_is_no_outage_and_is_reported() -> None:
    sent = [START + k * MS + (60 * MS if k >= 100 else 0) for k in range(200)]
    record = FlowRecord()
    record.add_sent(sent)
    record.add_received(range(200), sent)
    figures = record.figures()
    assert figures.outages == ()
    assert figures.widest_send_gap_ms == 61


def test_the_end_of_a_flow_that_never_arrives_is_an_open_outage() -> None:
    (outage,) = recorded([1, 1, 0, 0, 0]).figures().outages
    assert outage.open
    assert (outage.lost, outage.duration_ms) == (3, 2)


def test_reordered_and_duplicated() -> None:
    record = FlowRecord()
    record.add_sent([START + k * MS for k in range(6)])
    record.add_received([0, 2, 1, 1, 5, 3, 5], [START] * 7)
    figures = record.figures()
    assert (figures.received, figures.lost, figures.duplicated, figures.reordered) == (5, 1, 2, 2)


def oracle(fates: list[int]) -> tuple[int, list[tuple[int, int]]]:
    """Lost packets, and (first, count) of each run of them."""
    runs = []
    for lost, group in groupby(enumerate(fates), key=lambda item: item[1] == 0):
        members = list(group)
        if lost:
            runs.append((members[0][0], len(members)))
    return sum(count for _, count in runs), runs


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), max_size=60), st.randoms(use_true_random=False), st.integers(1, 20))
def test_figures_agree_with_the_oracle_in_any_interleaving(
    fates: list[int], shuffler: random.Random, chunk: int
) -> None:
    sent = [START + k * MS + shuffler.randrange(MS // 2) for k in range(len(fates))]
    arrivals = [k for k, times in enumerate(fates) for _ in range(times)]
    shuffler.shuffle(arrivals)
    record = FlowRecord()
    # What the receiver wrote may be read before what the sender wrote.
    work = [("sent", sent[at : at + chunk]) for at in range(0, len(sent), chunk)]
    work_received = [("received", arrivals[at : at + chunk]) for at in range(0, len(arrivals), chunk)]
    while work or work_received:
        queue = work if work and (not work_received or shuffler.random() < 0.5) else work_received
        kind, items = queue.pop(0)
        if kind == "sent":
            record.add_sent(items)
        else:
            record.add_received(items, [sent[k] + MS for k in items])
    figures = record.figures()
    lost, runs = oracle(fates)
    assert figures.sent == len(fates)
    assert figures.sent == figures.received + figures.lost
    assert figures.lost == lost
    assert figures.duplicated == sum(times - 1 for times in fates if times > 1)
    assert [(outage.start_s, outage.lost) for outage in figures.outages] == [
        (sent[first] / 1e9, count) for first, count in runs
    ]
    for outage, (first, count) in zip(figures.outages, runs, strict=True):
        after = first + count
        end = sent[after] if after < len(sent) else sent[-1]
        assert outage.duration_ms == pytest.approx((end - sent[first]) / MS)
        assert outage.open == (after == len(sent))


@settings(deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=60), st.integers(0, 60))
def test_two_stretches_make_the_whole(fates: list[int], split: int) -> None:
    record = recorded(fates)
    middle = START + split * MS
    whole, first, second = record.figures(), record.figures(until=middle), record.figures(since=middle)
    for name in ("sent", "received", "lost"):
        assert getattr(first, name) + getattr(second, name) == getattr(whole, name)


def test_an_outage_is_followed_past_the_end_of_its_stretch() -> None:
    record = recorded([1] * 10 + [0] * 30 + [1] * 10)
    (outage,) = record.figures(until=START + 20 * MS).outages
    assert (outage.duration_ms, outage.open) == (30, False)


def test_nothing_sent_is_nothing_lost() -> None:
    assert FlowRecord().figures() == Figures(0, 0, 0, 0, 0, (), 0.0, 0.0, 0.0, 0.0)
