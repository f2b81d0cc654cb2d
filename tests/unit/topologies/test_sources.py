"""The word a user types becomes a topology, or an error that says what could have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from topologies import catalogue
from topologies.errors import TopologyError
from topologies.render import render
from topologies.sources import parse_settings, resolve


def test_a_name_of_the_catalogue() -> None:
    assert resolve("ring", {"cells": "3"}) == catalogue.build("ring", {"cells": 3})


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cloud.yaml"
    topology = catalogue.build("ring")
    file.write_text(render(topology))
    assert resolve(str(file)) == topology


def test_the_catalogue_wins_over_a_file_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring").write_text("name: mine\ncells: [{name: main}]\n")
    assert resolve("ring").name == "ring"
    assert resolve("./ring").name == "mine"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "rign",
            "did you mean 'ring'? the catalogue has two-cells, main-and-subs, ring, full-mesh, provider",
        ),
        (
            "xyzzy",
            "the catalogue has two-cells, main-and-subs, ring, full-mesh, provider; or give the path of a",
        ),
        ("absent.yaml", "absent.yaml: the file cannot be read: No such file"),
        ("/absent/ring", "/absent/ring: the file cannot be read: No such file"),
    ],
)
def test_unknown_words(word: str, message: str) -> None:
    with pytest.raises(TopologyError) as caught:
        resolve(word)
    assert message in str(caught.value)


def test_a_file_takes_no_settings() -> None:
    with pytest.raises(TopologyError, match=r"a file takes no settings; edit cloud\.yaml"):
        resolve("cloud.yaml", {"cells": 3})


def test_settings() -> None:
    assert parse_settings(["cells=4,paths=2", "hosts = 1"]) == {"cells": "4", "paths": "2", "hosts": "1"}
    assert parse_settings([]) == {}


@pytest.mark.parametrize("argument", ["cells", "=4", "cells=", "", "cells=4,"])
def test_what_is_no_setting(argument: str) -> None:
    with pytest.raises(TopologyError, match="write KEY=VALUE"):
        parse_settings([argument])


def test_a_setting_given_twice() -> None:
    with pytest.raises(TopologyError, match="'cells' is given twice"):
        parse_settings(["cells=4", "cells=5"])
