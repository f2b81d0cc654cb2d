"""The plugin's place in pytest: options, checks at collection, sections of failures, the end. Light."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from scenarios.plugin import hookspecs, options

if TYPE_CHECKING:
    from scenarios.plugin.case import Case
    from scenarios.plugin.pool import Pool
    from scenarios.plugin.wishes import Wish

FIXTURE = "cellnet_case"
"""Every fixture of the plugin needs this one; its name in a test's closure says that it uses a lab."""
PLAYER = "play"
"""But this one: what it plays has a topology of its own."""
MARKERS = ("topology", "driver", "needs", "capture")

_CASE = pytest.StashKey["Case"]()
_POOL = pytest.StashKey["Pool"]()
_SUMMARIES: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Bring `pytest_cellnet_factory`."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    options.configure(config)


# --- collection: nothing starts, everything is checked ---------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat tests that use a lab."""
    times: int = metafunc.config.option.cellnet_repeat
    if times > 1 and {FIXTURE, PLAYER} & set(metafunc.fixturenames):
        metafunc.fixturenames.append("cellnet_repetition")
        metafunc.parametrize(
            "cellnet_repetition",
            range(1, times + 1),
            ids=[f"{number}of{times}" for number in range(1, times + 1)],
            indirect=True,
        )


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Markers that cannot be are errors of the collection, all of a module at once, each with its place."""
    report = yield
    if report.passed:
        users = [item for item in report.result if isinstance(item, pytest.Function) and uses_lab(item)]
        problems = dict.fromkeys(problem for item in users for problem in _problems(item))
        if problems:
            report.outcome = "failed"
            report.longrepr = "\n".join(problems)
            report.result = []
    return report


def uses_lab(item: pytest.Function) -> bool:
    """Whether one of our fixtures is among those that the test needs."""
    return bool({FIXTURE, PLAYER} & set(item.fixturenames))


def _problems(item: pytest.Function) -> list[str]:
    from scenarios.plugin.wishes import WishError

    try:
        _wish(item)
    except WishError as error:
        path, line, _ = item.location
        return [f"{path}:{(line or 0) + 1}: {item.originalname}: {problem}" for problem in error.problems]
    return []


def _wish(item: pytest.Item) -> Wish:
    from scenarios.plugin import wishes

    marks = [mark for mark in item.iter_markers() if mark.name in MARKERS]
    return wishes.read(marks, item.path.parent)


# --- a test ----------------------------------------------------------------------------------------------


def begin(request: pytest.FixtureRequest) -> Case:
    """The test's lab. Skips where none can run, or what the test needs is not there."""
    wish = _wish(request.node)
    case = lend(request, wish)
    if wish.capture:
        case.captures(*wish.capture)
    return case


def lend(request: pytest.FixtureRequest, wish: Wish) -> Case:
    """A lab that the test asked for in whatever way; the report of its failure tells of it."""
    from scenarios.plugin.case import Case
    from simulator.doctor import NotCapableError

    item: pytest.Item = request.node
    config = request.config
    pool = _pool(config)
    missing = pool.missing(wish.needs)
    if missing:
        pytest.skip("; ".join(missing))
    try:
        lent = pool.lend(wish)
    except NotCapableError as refusal:
        pytest.skip(str(refusal))
    case = Case(item.nodeid, lent, pool, options.read(config))
    item.stash[_CASE] = case
    return case


def _pool(config: pytest.Config) -> Pool:
    from scenarios.plugin import factory
    from scenarios.plugin.pool import Pool

    if _POOL not in config.stash:
        chosen = config.hook.pytest_cellnet_factory(config=config)
        config.stash[_POOL] = Pool(chosen or factory.Labs(), record=options.read(config).capture)
    return config.stash[_POOL]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the lab can tell to the report of a failure; stop there if the user wants to look."""
    report = yield
    case = item.stash.get(_CASE, None)
    if case is None or call.when == "teardown":
        return report
    if report.failed:
        case.failed = True
        report.sections += case.sections()
    if report.when == "call" or not report.passed:
        case.outcome = report.outcome
        case.reason = "" if call.excinfo is None else str(call.excinfo.value)
    if report.failed and item.config.option.cellnet_pause:
        _pause(item.config, case)
    return report


def _pause(config: pytest.Config, case: Case) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    capture.suspend(in_=True)
    try:
        print(f"\n{case.nodeid} failed; its lab is as it was. A shell in it:\n\n  {case.shell()}\n")
        input("Enter goes on: ")
    except EOFError:
        print("(there is no terminal to wait for)")
    finally:
        capture.resume()


def give_back(item: pytest.Item, case: Case) -> None:
    """The end of a test's lab: leaks fail the test, and how long the reset took is in its report."""
    leaks = case.finish()
    if case.cleaning is not None:
        item.user_properties.append(("cellnet_reset_seconds", round(case.cleaning.seconds, 3)))
    if leaks:
        text = "\n".join(f"  {leak}" for leak in leaks)
        pytest.fail(f"the test left behind:\n{text}", pytrace=False)


# --- the end ---------------------------------------------------------------------------------------------


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Workers of xdist hand their words to the process that has the terminal."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None and _POOL in session.config.stash:
        output["cellnet"] = session.config.stash[_POOL].tally.text


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist has ended."""
    text = getattr(node, "workeroutput", {}).get("cellnet")
    if text:
        words = f"{node.gateway.id}: {text}"
        texts: list[str] = node.config.stash.setdefault(_SUMMARIES, [])
        texts.append(words)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """How many labs there were, how long resets took, and which labs were replaced and why."""
    texts: list[str] = []
    if _SUMMARIES in config.stash:
        texts = config.stash[_SUMMARIES]
    if _POOL in config.stash:
        texts.append(config.stash[_POOL].tally.text)
    if texts:
        terminalreporter.section("cellnet", sep="-")
        for text in texts:
            terminalreporter.write_line(text)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the labs of this process."""
    if _POOL in config.stash:
        config.stash[_POOL].close()
