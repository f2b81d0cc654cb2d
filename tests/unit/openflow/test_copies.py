"""Copies of a packet: one bucket of ours, two groups of the switch."""

from __future__ import annotations

from dataclasses import replace

from cellnet_core.openflow import copies
from cellnet_core.openflow.values import Bucket, Group, GroupMod, Output, SetField, ToGroup

FIRST = (SetField("eth_dst", "02:00:00:00:00:01"), Output(1))
OTHER = (SetField("eth_dst", "02:00:00:00:00:02"), Output(2))
OURS = Group(7, "ff", (Bucket(FIRST, 1), Bucket(OTHER, 2), Bucket((*FIRST, *OTHER), 9)))
PLAIN = Group(8, "ff", (Bucket(FIRST, 1), Bucket(FIRST, 9)))


def test_a_bucket_of_the_switch_outputs_once() -> None:
    second, first = copies.groups_of(OURS)
    assert (second.type, [bucket.actions for bucket in second.buckets]) == ("all", [FIRST, OTHER])
    assert first.buckets[-1] == Bucket((ToGroup(second.id),), 9)
    for bucket in (*second.buckets, *first.buckets):
        assert sum(isinstance(action, Output | ToGroup) for action in bucket.actions) == 1
    assert copies.groups_of(PLAIN) == (PLAIN,)


def test_it_is_read_back_as_it_was_written() -> None:
    second, first = copies.groups_of(OURS)
    for order in ([second, PLAIN, first], [first, second, PLAIN]):
        assert sorted(copies.fold(order), key=lambda group: group.id) == [OURS, PLAIN]


def test_the_second_is_there_while_the_first_leads_to_it_and_goes_with_it() -> None:
    second, first = copies.groups_of(OURS)
    gone = GroupMod("remove", replace(second, buckets=()))
    assert copies.unfold(GroupMod("set", OURS)) == (GroupMod("set", second), GroupMod("set", first))
    assert copies.unfold(GroupMod("remove", OURS)) == (GroupMod("remove", first), gone)
    fewer = replace(PLAIN, id=OURS.id)
    assert copies.unfold(GroupMod("set", fewer)) == (GroupMod("set", fewer), gone)
    assert copies.unfold(GroupMod("remove", second)) == (GroupMod("remove", second),)


def test_what_somebody_changed_does_not_look_as_wanted() -> None:
    second, first = copies.groups_of(OURS)
    changed = replace(second, buckets=second.buckets[:1])
    for found in ([first], [changed, first], [replace(second, type="select"), first], [second]):
        assert OURS not in copies.fold(found)
    assert copies.fold([second]) == (second,), "a second one without a first is seen, and goes"
