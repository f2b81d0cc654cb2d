"""What the doctor says: each "no" with its remedy, by what was really tried."""

from __future__ import annotations

import socket
import stat
import subprocess
from pathlib import Path

import pytest

from simulator import doctor
from simulator.doctor import kernel, machine, programs
from simulator.doctor.findings import LAB, Finding, NotCapableError, missing_for_lab, refusal
from simulator.errors import LabUsageError

TRIALS = {trial.name: trial for trial in kernel.TRIALS}


def test_a_no_without_a_remedy_cannot_be_said() -> None:
    with pytest.raises(AssertionError, match="a no needs a remedy"):
        Finding("x", ok=False, detail="missing", needed_for=LAB)


def test_only_what_a_lab_needs_keeps_it_from_running() -> None:
    optional = Finding("netem", ok=False, detail="unknown", needed_for="fault:delay", remedy="load it")
    needed = Finding("tap", ok=False, detail="denied", needed_for=LAB, remedy="chmod it")
    good = Finding("veth", ok=True, detail="works", needed_for=LAB)
    assert missing_for_lab([optional, needed, good]) == (needed,)
    assert "tap: denied; chmod it" in refusal([needed])
    assert issubclass(NotCapableError, LabUsageError)
    assert NotCapableError.exit_code == 2


@pytest.mark.parametrize(
    ("name", "line", "ok", "detail", "remedy"),
    [
        ("veth", "0\t", True, "pairs can be made", ""),
        (
            "netem",
            "2\tError: Specified qdisc kind is unknown.",
            False,
            "Error: Specified qdisc kind is unknown.",
            "load or build the module sch_netem (Ubuntu: apt-get install linux-modules-extra-$(uname -r))",
        ),
        (
            "nft egress",
            "127\tsh: 1: nft: not found",
            False,
            "sh: 1: nft: not found",
            "sudo apt-get install --no-install-recommends nftables",
        ),
        (
            "tap",
            "1\topen: Permission denied",
            False,
            "open: Permission denied",
            "sudo chmod 666 /dev/net/tun",
        ),
        ("htb", "1\t", False, "exit status 1", "load or build the module sch_htb"),
    ],
)
def test_a_trial_is_judged(name: str, line: str, ok: bool, detail: str, remedy: str) -> None:
    finding = kernel.judge(TRIALS[name], line)
    assert (finding.ok, finding.detail) == (ok, detail)
    assert finding.remedy.startswith(remedy)
    assert finding.needed_for == TRIALS[name].needed_for


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor forbids them (Ubuntu 23.10 and newer)",
        ),
        ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("kernel/other", "1", "in a container: leave /proc unmasked"),
    ],
)
def test_the_setting_that_forbids_user_namespaces_is_named(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    path = tmp_path / setting
    path.parent.mkdir()
    path.write_text(value + "\n")
    first, *others = kernel.without_namespaces("Operation not permitted", tmp_path)
    assert says in first.remedy
    assert first.needed_for == LAB
    assert len(others) == len(kernel.TRIALS)
    assert not any(finding.ok for finding in others)


@pytest.mark.parametrize(
    ("unshare", "detail"),
    [
        (("/no/such/unshare",), "No such file"),
        (
            ("sh", "-c", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1"),
            "not permitted",
        ),
        (
            ("sh", "-c", "echo inside; echo '2\tRTNETLINK answers: Operation not permitted'"),
            "no rights inside",
        ),
    ],
    ids=["missing", "refused", "without-rights"],
)
def test_a_machine_that_refuses_namespaces_is_no_traceback(unshare: tuple[str, ...], detail: str) -> None:
    first, *_ = kernel.try_all(unshare)
    assert (first.name, first.ok) == ("user namespaces", False)
    assert detail in first.detail


def test_the_trials_leave_nothing_on_the_host() -> None:
    before = {name for _, name in socket.if_nameindex()}
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, check=False).stdout
    kernel.try_all()
    assert {name for _, name in socket.if_nameindex()} == before
    assert subprocess.run(["nft", "list", "tables"], capture_output=True, check=False).stdout == tables


def test_a_tun_device_that_is_missing_or_closed(tmp_path: Path) -> None:
    assert "modprobe tun" in machine.tun_device(tmp_path / "tun").remedy
    closed = tmp_path / "directory"
    closed.mkdir()
    finding = machine.tun_device(closed)
    assert not finding.ok
    assert "chmod 666" in finding.remedy


def test_a_run_directory_that_is_too_long_or_no_directory(tmp_path: Path) -> None:
    assert machine.run_directory(Path("/tmp/cn")).ok
    long = machine.run_directory(tmp_path / ("x" * 90))
    assert not long.ok
    assert "is too long: a socket's path has at most 107 bytes" in long.detail
    file = tmp_path / "file"
    file.touch()
    short = machine.run_directory(file / "below")
    assert "cannot be written" in short.detail
    assert "CELLNET_RUN_DIR" in short.remedy


def test_programs_are_asked_for_their_version(tmp_path: Path) -> None:
    def program(text: str) -> programs.Program:
        path = tmp_path / "daemon"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return programs.Program("daemon", LAB, "some-package", places=(str(path),))

    assert programs.find(program("echo daemon version 8.4.4")).detail == "8.4.4"
    assert programs.find(program("echo BIRD version 2.0.12 >&2")).detail == "2.0.12"
    mute = programs.find(program("echo error while loading shared libraries: libx.so.1 >&2; exit 127"))
    assert not mute.ok
    assert "says no version" in mute.detail
    absent = programs.find(programs.Program("no-such-daemon", "daemon:x", "some-package"))
    assert (absent.ok, absent.detail) == (False, "not found")
    assert absent.remedy == "sudo apt-get install --no-install-recommends some-package"


def test_a_library_that_is_not_installed() -> None:
    assert programs.find_library(programs.Library("exabgp", LAB)).ok
    assert "make setup" in programs.find_library(programs.Library("no-such-library", LAB)).remedy


def test_every_question_has_an_answer_of_its_own() -> None:
    findings = doctor.checks()
    names = [finding.name for finding in findings]
    assert len(names) == len(set(names))
    assert {"user namespaces", "/dev/net/tun", "netem", "nft egress", "mininet", "exabgp", "PSI"} <= set(
        names
    )
    assert {finding.needed_for for finding in findings} >= {LAB, "fault:delay", "daemon:frr", "capture"}


def test_lab_up_refuses_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLNET_RUN_DIR", "/proc/nowhere/" + "x" * 120)
    (missing,) = missing_for_lab(doctor.checks())
    with pytest.raises(NotCapableError) as caught:
        doctor.require_for_lab()
    assert f"{missing.name}: {missing.detail}; {missing.remedy}" in str(caught.value)


def test_a_library_that_cannot_be_loaded_is_named_with_its_package() -> None:
    finding = programs.find_libnftables("libnothing.so.9")
    assert not finding.ok
    assert "libnothing.so.9: cannot open shared object file" in finding.detail
    assert "libnftables1" in finding.remedy
    assert "fault:" in finding.needed_for


def test_a_delay_needs_either_back_end() -> None:
    trials = {trial.name: trial for trial in kernel.TRIALS}
    assert trials["delay"].needed_for == "fault:delay"
    for name in ("netem", "delay line"):
        assert trials[name].needed_for == "optional"
        assert trials[name].command in trials["delay"].command
