"""Finding stories by name and making scenarios of them, with everything checked before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from topologies import catalogue as topologies_catalogue
from topologies.model import Topology

from .stories import provision_and_recover
from .stories.story import Story
from .values import Scenario

STORIES: tuple[Story, ...] = (provision_and_recover.STORY,)


class UnknownScenarioError(LookupError):
    """There is no scenario of that name; the message lists those there are."""

    exit_code = 2


def find(name: str) -> Story:
    """The story of that name. Raises UnknownScenarioError."""
    for story in STORIES:
        if story.name == name:
            return story
    names = [story.name for story in STORIES]
    near = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnknownScenarioError(f"there is no scenario {name!r}; {hint}there are: {', '.join(names)}")


def scenario(
    story: Story, topology: Topology | None, settings: Mapping[str, str | int], seed: int
) -> Scenario:
    """The story told on that topology, by default on its own with `settings`.

    Raises TopologyError for a setting that does not fit and UnsuitableTopologyError.
    """
    if topology is None:
        topology = topologies_catalogue.build(story.topology, {**story.settings, **settings})
    return story.build(topology, seed)
