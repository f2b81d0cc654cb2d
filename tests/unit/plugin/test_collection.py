"""Markers are checked at collection, each problem with its place; nothing is started, nobody else is hurt."""

from __future__ import annotations

import pytest

from tests.unit.plugin.conftest import Inner

pytest_plugins = ["pytester"]

USES_A_LAB = "import pytest\n\n{mark}\ndef test_it(lab): pass\n"


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("@pytest.mark.topology('two-cell')", "did you mean 'two-cells'?"),
        ("@pytest.mark.topology('ring', cells=1)", "ring takes 3 to "),
        ("@pytest.mark.topology('ring', colour=1)", "ring has no setting 'colour'"),
        ("@pytest.mark.topology()", "give one name or file, such as topology('two-cells', paths=2)"),
        ("@pytest.mark.topology(4)", "topology(4): give one name or file"),
        ("@pytest.mark.topology('missing.yaml')", "missing.yaml"),
        ("@pytest.mark.driver('onos')", "driver('onos'): give one of ryu, os-ken"),
        ("@pytest.mark.driver()", "give one of ryu, os-ken"),
        ("@pytest.mark.needs('nettem')", "did you mean 'netem'?"),
        ("@pytest.mark.needs()", "name what is needed, such as needs('netem')"),
    ],
)
def test_a_wrong_marker_is_an_error_with_its_place(inner: Inner, mark: str, says: str) -> None:
    result = inner.run(USES_A_LAB.format(mark=mark))
    result.assert_outcomes(errors=1)
    output = result.stdout.str()
    assert "test_inner.py:3: test_it: " in output
    assert says in output
    assert inner.notes == []


def test_all_problems_of_a_module_are_told_at_once_and_other_modules_run(inner: Inner) -> None:
    inner.pytester.makepyfile(
        test_good="def test_good(lab): pass",
        test_class="""
        import pytest

        class TestMore:
            @pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.needs("bmp"))])
            def test_two(self, lab, n): pass
        """,
    )
    result = inner.run(
        """
        import pytest

        @pytest.mark.topology("rin")
        @pytest.mark.driver("onos")
        def test_one(lab): pass
        """,
        "--continue-on-collection-errors",
    )
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_class.py:4: test_two: needs('bmp'): the doctor knows no 'bmp'*",
            "test_inner.py:3: test_one: topology('rin'): there is no topology 'rin'*",
            "test_inner.py:3: test_one: driver('onos'): give one of ryu, os-ken",
        ]
    )


def test_markers_of_tests_without_a_lab_are_somebody_elses(inner: Inner) -> None:
    result = inner.run(
        """
        import pytest

        @pytest.mark.needs("coffee")
        @pytest.mark.topology(genus=3)
        def test_a_torus(): pass
        """
    )
    result.assert_outcomes(passed=1)
    assert inner.notes == []


def test_collecting_starts_nothing(inner: Inner) -> None:
    result = inner.run("def test_it(lab, faults): pass", "--collect-only")
    assert result.ret == 0
    assert inner.notes == []


def test_a_run_without_labs_imports_nothing_heavy(inner: Inner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # of others, which import what they like
    (inner.pytester.path / "conftest.py").unlink()
    result = inner.run(
        """
        import sys

        def test_light():
            ours = {"scenarios", "simulator", "topologies", "cellnet_core"}
            loaded = {name for name in sys.modules if name.partition(".")[0] in ours}
            light = ("", ".fixtures", ".hooks", ".hookspecs", ".options")
            assert loaded == {"scenarios", *(f"scenarios.plugin{name}" for name in light)}
            assert not {"httpx", "psutil", "networkx", "asyncio"} & set(sys.modules)
        """,
        subprocess=True,
    )
    result.assert_outcomes(passed=1)
    assert "- cellnet -" not in result.stdout.str(), "no summary without labs"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--cellnet-repeat", "0"], "'0' is no number of times"),
        (["--cellnet-repeat", "-3"], "'-3' is no number of times"),
        (["--cellnet-seed", "x"], "invalid int value"),
        (["--cellnet-inconclusive", "maybe"], "invalid choice"),
        (["--cellnet-pause", "-n", "2"], "--cellnet-pause needs the terminal"),
        (["-o", "cellnet_audit=process"], "cellnet_audit: unknown process; known are processes"),
    ],
)
def test_options_that_cannot_be_are_refused(inner: Inner, options: list[str], says: str) -> None:
    result = inner.run("def test_it(): pass", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert says in result.stderr.str()


def test_a_test_may_name_a_file_beside_it_or_give_a_topology(inner: Inner) -> None:
    inner.pytester.makefile(
        ".yaml",
        net="""
        name: mine
        cells:
          - name: main
        """,
    )
    result = inner.run(
        """
        import pytest
        from topologies import catalogue

        @pytest.mark.topology("net.yaml")
        def test_file(lab): pass

        @pytest.mark.topology(catalogue.build("ring", {"cells": 3}))
        def test_value(lab): pass
        """
    )
    result.assert_outcomes(passed=2)
    assert inner.notes[:2] == ["start mine ryu", "start ring ryu"]
