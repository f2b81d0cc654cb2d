"""The pytest plugin: labs as fixtures, clean for every test, with faults, probes and expectations.

Knows pytest, the lab's client, the API client and the verdicts' rules. Must not cost a run that does not use
it anything: this module and those it imports take pytest and the standard library only; everything else is
imported when a test first asks for a lab. Nothing is started at collection.
"""

from scenarios.plugin.fixtures import (
    capture,
    cellnet,
    cellnet_case,
    cellnet_repetition,
    cellnet_rng,
    expect,
    faults,
    lab,
    play,
    probe,
    timeline,
)
from scenarios.plugin.hooks import (
    pytest_addhooks,
    pytest_addoption,
    pytest_configure,
    pytest_generate_tests,
    pytest_make_collect_report,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_unconfigure,
)

__all__ = [
    "capture",
    "cellnet",
    "cellnet_case",
    "cellnet_repetition",
    "cellnet_rng",
    "expect",
    "faults",
    "lab",
    "play",
    "probe",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_unconfigure",
    "timeline",
]
