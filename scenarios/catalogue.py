"""Finding stories by name and making scenarios of them, with everything checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from topologies import catalogue as topologies_catalogue
from topologies.errors import TopologyError
from topologies.model import Topology

from .scenario import Scenario
from .stories import (
    away_for_a_minute,
    each_path,
    flap_train,
    one_way_loss,
    provision_and_recover,
    router_dies,
    speaker_frozen,
    total_loss,
)
from .stories.story import Knobs, Story

STORIES: tuple[Story, ...] = (
    provision_and_recover.STORY,
    each_path.STORY,
    one_way_loss.STORY,
    flap_train.STORY,
    speaker_frozen.STORY,
    away_for_a_minute.STORY,
    total_loss.STORY,
    router_dies.STORY,
)
SUFFIXES = (".yaml", ".yml")


class UnknownScenarioError(LookupError):
    """There is no scenario of that name; the message lists those there are."""

    exit_code = 2


def is_file(name: str) -> bool:
    """Whether a word means a file with a scenario and not a story: it has a slash or a file's ending."""
    return "/" in name or Path(name).suffix in SUFFIXES


def find(name: str) -> Story:
    """The story of that name. Raises UnknownScenarioError."""
    for story in STORIES:
        if story.name == name:
            return story
    names = [story.name for story in STORIES]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownScenarioError(
        f"there is no scenario {name!r}; {hint}there are: {', '.join(names)}, or the path of a .yaml file"
    )


def divide(story: Story, settings: Mapping[str, str]) -> tuple[Knobs, dict[str, str]]:
    """What is set of the story itself, complete, and what is left for the topology. Raises KnobError."""
    known = {knob.name: knob for knob in story.knobs}
    knobs = {knob.name: knob.read(settings.get(knob.name, knob.default)) for knob in story.knobs}
    return knobs, {key: value for key, value in settings.items() if key not in known}


def scenario(story: Story, topology: Topology | None, settings: Mapping[str, str], seed: int) -> Scenario:
    """The story told on that topology, by default on its own. `settings` are of the story and, without a
    topology, of its own topology.

    Raises KnobError, TopologyError for a setting that does not fit and UnsuitableTopologyError.
    """
    knobs, others = divide(story, settings)
    if topology is None:
        try:
            topology = topologies_catalogue.build(story.topology, {**story.settings, **others})
        except TopologyError as error:
            if not story.knobs:
                raise
            own = ", ".join(f"{knob.name} ({knob.meaning})" for knob in story.knobs)
            raise TopologyError.of(f"{error}; {story.name} itself takes {own}") from error
    return story.build(topology, seed, knobs)
