"""What `--capture` takes: channels, all WAN links, links by name; all else is refused before a lab starts."""

from __future__ import annotations

import pytest

from scenarios.capturing import CaptureWordsError, wanted
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2})


def test_words_may_come_in_one_option_or_in_several_and_count_once():
    assert wanted(["bgp,openflow", "main-east-2", "bgp"], TOPOLOGY) == ("bgp", "openflow", "main-east-2")
    assert wanted(["always"], TOPOLOGY) == ("bgp", "openflow", "wan")
    assert wanted([], TOPOLOGY) == ()


def test_an_unknown_word_is_told_with_the_nearest_one():
    with pytest.raises(CaptureWordsError, match="did you mean 'main-east-1'") as refused:
        wanted(["main-est-1"], TOPOLOGY)
    assert refused.value.exit_code == 2
