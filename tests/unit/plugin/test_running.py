"""A run with fake labs: who shares a lab, what a reset takes away, what fails, what is told."""

from __future__ import annotations

import json
import os

from tests.unit.plugin.conftest import Inner

pytest_plugins = ["pytester"]


def test_tests_that_wish_the_same_share_a_lab_and_it_ends_with_the_run(inner: Inner) -> None:
    result = inner.run(
        """
        import pytest

        def test_one(lab): pass
        def test_two(cellnet): pass

        @pytest.mark.topology("two-cells", paths=2)
        def test_default_settings_are_the_same(lab): pass

        @pytest.mark.driver("os-ken")
        def test_other(lab): pass
        """
    )
    result.assert_outcomes(passed=4)
    assert inner.notes[:2] == ["start two-cells ryu", "start two-cells os-ken"]
    assert len([note for note in inner.notes if note.startswith("end ")]) == 2
    result.stdout.fnmatch_lines(["2 labs started, 4 resets (median *"])


def test_no_more_than_two_labs_live_at_once(inner: Inner) -> None:
    result = inner.run(
        """
        import pytest

        @pytest.mark.parametrize("_", [
            pytest.param(n, marks=pytest.mark.topology("ring", cells=n)) for n in (3, 4, 5)
        ])
        def test_it(lab, _): pass
        """
    )
    result.assert_outcomes(passed=3)
    assert inner.notes[2].startswith("end ")
    assert inner.notes[3] == "start ring ryu"


def test_where_no_lab_can_run_tests_skip_with_the_doctors_words(inner: Inner) -> None:
    inner.with_fakes(no_lab="this machine cannot run a lab:\n  tap: no; sudo modprobe tun")
    result = inner.run("def test_one(lab): pass\ndef test_two(lab): pass\ndef test_three(): pass", "-rs")
    result.assert_outcomes(passed=1, skipped=2)
    assert "sudo modprobe tun" in result.stdout.str()
    assert inner.notes == ["refused"], "the machine is asked once"


def test_needs_skip_with_the_doctors_words_and_the_doctor_is_asked_once(inner: Inner) -> None:
    inner.with_fakes(refused={"netem": "netem: not known; needs sch_netem"})
    result = inner.run(
        """
        import pytest

        @pytest.mark.needs("netem")
        def test_cannot(lab): pass

        @pytest.mark.needs("tbf", "bird")
        def test_can(lab): pass
        """,
        "-rs",
    )
    result.assert_outcomes(passed=1, skipped=1)
    assert "needs netem: netem: not known; needs sch_netem" in result.stdout.str()
    assert inner.notes[0] == "doctor"
    assert inner.notes.count("doctor") == 1


def test_whatever_a_test_adds_is_gone_for_the_next(inner: Inner) -> None:
    result = inner.run(
        """
        from simulator.probes.flows import control_link

        def test_litters(lab, cellnet, faults):
            cellnet.create_endpoint("a", cell="main")
            cellnet.create_endpoint("b", cell="east")
            cellnet.create_connection("ab", "a", "b")
            cellnet.create_cell("west", asn=65009)
            lab.add_node("extra")
            lab.add_link(control_link("main-h1", "extra", ()))
            lab.spawn("main-h1", ["sleep", "9"], "sleeper")
            lab.inject({"kind": "cut", "link": "main-east-1"})
            faults.cut("main-east-2")

        def test_finds_nothing(lab, cellnet):
            view = lab.show()
            assert view.faults == ()
            assert [process.id for process in view.processes if process.returncode is None] == []
            assert "extra" not in [node.name for node in view.nodes]
            assert view.links == view.topology.links
            assert cellnet.connections() == cellnet.endpoints() == ()
            assert [cell.name for cell in cellnet.cells()] == ["main", "east"]
        """
    )
    result.assert_outcomes(passed=2)
    assert inner.notes.count("start two-cells ryu") == 1


def test_a_process_that_is_left_behind_is_an_error_of_its_test(inner: Inner) -> None:
    test = """
        def test_leaks(lab): lab.strangers.add("77 sleep 1000")
        def test_next(lab): assert not lab.strangers
    """
    result = inner.run(test)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_leaks*", "  process in the sandbox: 77 sleep 1000"]
    )
    result = inner.run(test, "-o", "cellnet_audit=files")
    result.assert_outcomes(passed=1, failed=1)


def test_a_descriptor_that_is_left_open_is_an_error_of_its_test(inner: Inner) -> None:
    result = inner.run(
        """
        kept = []
        def test_leaks(lab, tmp_path): kept.append((tmp_path / "left").open("w"))
        def test_garbage_is_none(lab, tmp_path): (tmp_path / "x").open("w")
        def test_failure_keeps_its_frame(lab, tmp_path):
            held = (tmp_path / "held").open("w")
            assert held is None
        """,
        "-W",
        "ignore::ResourceWarning",
    )
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["  descriptor of the test process: * *left"])


def test_a_failure_tells_what_the_lab_knows(inner: Inner) -> None:
    result = inner.run(
        """
        import json

        def test_earlier(lab): lab.record("yesterday", {})

        def test_fails(lab, timeline, faults):
            faults.cut("main-east-1")
            timeline.record("plan", actions=[{"do": "add group 1", "why": "no group has these hops"}])
            (lab.run_directory / "logs" / "agent-main-gw1.log").write_text("Traceback: here\\n")
            assert timeline(kind="plan", source="lab")
            assert 1 == 2
        """,
        "--cellnet-seed=42",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 1 == 2*",
            "*- cellnet timeline -*",
            "* s  lab * fault * fault={*main-east-1*",
            "*- cellnet plans -*",
            "*add group 1: no group has these hops",
            "*- cellnet logs -*",
            "*agent-main-gw1.log:",
            "  Traceback: here",
            "*- cellnet machine -*",
            "*CPUs busy*",
            "*- cellnet lab -*",
            "*two-cells(cells=2, paths=2, hosts=1, bus=no) with ryu; --cellnet-seed=42 repeats cellnet_rng",
        ]
    )
    assert "yesterday" not in result.stdout.str()


def test_a_passing_or_expected_failure_tells_nothing(inner: Inner) -> None:
    result = inner.run("import pytest\n@pytest.mark.xfail\ndef test_it(lab): assert 0", "-rA")
    result.assert_outcomes(xfailed=1)
    assert "cellnet timeline" not in result.stdout.str()


def test_faults_are_taken_back_by_their_context_or_with_the_test(inner: Inner) -> None:
    result = inner.run(
        """
        import pytest
        from simulator.errors import LabUsageError

        def test_it(lab, faults):
            with faults.cut("main-east-1") as fault:
                assert [one.document for one in lab.faults()] == [{"kind": "cut", "link": "main-east-1"}]
                assert fault.asked_s <= fault.at_s
            assert lab.faults() == ()
            with pytest.raises(ZeroDivisionError), faults.loss("main-east-1", 30):
                1 / 0
            assert lab.faults() == ()
            faults.crash("agent@main-gw1").clear()
            held = faults.oneway("main-east-1", "main-to-east")
            lab.clear_all()
            held.clear()
            held.clear()
            with pytest.raises(LabUsageError, match="did you mean 'main-east-"):
                faults.cut("main-east-9")
            faults.partition("main")
            faults.inject({"kind": "freeze", "service": "switch@main-gw1"})
            faults.clear()
            assert lab.faults() == ()
        """
    )
    result.assert_outcomes(passed=1)


def test_keep_leaves_the_lab_as_it_failed(inner: Inner) -> None:
    result = inner.run(
        """
        def test_fails(lab, faults):
            with faults.cut("main-east-1"):
                assert 0
        def test_next(lab): assert lab.faults() == ()
        """,
        "--cellnet-keep",
    )
    result.assert_outcomes(passed=1, failed=1)
    name = f"pytest-{os.getpid()}-1"
    assert (inner.base / name / "pytest-kept").exists()
    assert [note for note in inner.notes if note.startswith("end")] == [f"end pytest-{os.getpid()}-2"]
    result.stdout.fnmatch_lines(
        [
            f"kept; enter it: cellnet lab exec --name {name} main-gw1 -- bash",
            f"kept: {name}; `cellnet lab down {name}` ends it",
        ]
    )
    journal = (inner.base / name / "journal" / "lab.jsonl").read_text()
    assert "fault-cleared" not in journal, "the fault is still there to look at"


def test_pause_prints_the_command_and_goes_on_without_a_terminal(inner: Inner) -> None:
    result = inner.run("def test_fails(lab): assert 0", "--cellnet-pause", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*test_fails failed; its lab is as it was*", "  cellnet lab exec --name * main-gw1 -- bash"]
    )


def test_repeat_runs_tests_with_labs_again_with_other_randomness(inner: Inner) -> None:
    result = inner.run(
        """
        seen = set()
        def test_lab(cellnet_rng):
            number = cellnet_rng.random()
            assert number not in seen
            seen.add(number)
        def test_none(): pass
        """,
        *("--cellnet-repeat", "3", "-v"),
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*test_lab?3of3?*"])


def test_a_seed_repeats_the_randomness(inner: Inner) -> None:
    test = "def test_it(cellnet_rng): print('drew', cellnet_rng.random())"
    drawn = {
        seed: [
            next(line for line in inner.run(test, "-s", f"--cellnet-seed={seed}").outlines if "drew" in line)
            for _ in range(2)
        ]
        for seed in (1, 2)
    }
    assert drawn[1][0] == drawn[1][1]
    assert drawn[1][0] != drawn[2][0]


def test_a_report_has_a_directory_for_each_test(inner: Inner) -> None:
    inner.run(
        """
        def test_passes(lab, faults): faults.cut("main-east-1")
        def test_fails(lab):
            (lab.run_directory / "logs" / "agent-main-gw1.log").write_text("why\\n")
            assert 0, "because"
        """,
        "--cellnet-report=out/here",
    )
    passed, failed = sorted(
        (inner.pytester.path / "out" / "here").iterdir(), key=lambda path: "fails" in path.name
    )
    document = json.loads((passed / "report.json").read_text())
    assert document["outcome"] == "passed"
    assert document["faults"][0]["fault"] == {"kind": "cut", "link": "main-east-1"}
    assert "cpu_busy" in document["machine"]
    assert '"kind": "fault"' in (passed / "timeline.jsonl").read_text()
    assert not (passed / "logs").exists()
    assert "because" in json.loads((failed / "report.json").read_text())["reason"]
    assert (failed / "logs" / "agent-main-gw1.log").read_text() == "why\n"


def test_workers_of_xdist_have_a_lab_each_and_the_summary_has_both(inner: Inner) -> None:
    result = inner.run(
        """
        import pytest, time

        @pytest.mark.parametrize("n", range(6))
        def test_it(lab, n): time.sleep(0.1)
        """,
        *("-n", "2", "--dist", "each"),
        subprocess=True,
    )
    assert result.ret == 0
    assert inner.notes.count("start two-cells ryu") == 2
    result.stdout.fnmatch_lines_random(["gw0: 1 lab started, 6 resets*", "gw1: 1 lab started, 6 resets*"])
