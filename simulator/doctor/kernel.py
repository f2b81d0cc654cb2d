"""What the kernel lets us do, tried in user and network namespaces of our own that end with the trial."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from simulator.doctor.findings import LAB, TAPS, Finding
from simulator.launcher import UNSHARE

SECONDS = 10.0

INSTALL = "sudo apt-get install --no-install-recommends {}"
_MODULES = "load or build the module {} (Ubuntu: apt-get install linux-modules-extra-$(uname -r))"


@dataclass(frozen=True, slots=True)
class Trial:
    """A command to try in the namespaces, its place in the answer, and what to do when it fails."""

    name: str
    command: str
    needed_for: str
    good: str
    remedy: str


def _nft(family: str, chain: str) -> str:
    return (
        f"printf '%s' 'table {family} dr {{ chain c {{ {chain}; }}; }}; delete table {family} dr' | nft -f -"
    )


def _qdisc(arguments: str) -> str:
    return f"tc qdisc add dev dra root {arguments} && tc qdisc del dev dra root"


_NETEM = _qdisc("netem delay 1ms")
_LINE = (
    "ip tuntap add dev drl mode tap && tc qdisc add dev dra clsact && "
    "tc filter add dev dra egress protocol all prio 1 u32 match u32 0 0 "
    "action mirred egress redirect dev drl && tc qdisc del dev dra clsact && ip link del dev drl"
)

TRIALS: tuple[Trial, ...] = (
    Trial(
        "veth", "ip link add dra type veth peer name drb", LAB, "pairs can be made", _MODULES.format("veth")
    ),
    Trial("bridge", "ip link add drbr type bridge", LAB, "can be made", _MODULES.format("bridge")),
    Trial(
        "tap",
        "ip tuntap add dev drt mode tap",
        TAPS,
        "can be made: the userspace datapath works",
        "load the module tun; in a container, pass --device /dev/net/tun",
    ),
    Trial(
        "nft ingress",
        _nft("netdev", 'type filter hook ingress device "dra" priority 0; counter drop'),
        LAB,
        "netdev hook works",
        _MODULES.format("nf_tables") + ", and install nftables",
    ),
    Trial(
        "nft egress",
        _nft(
            "netdev",
            'type filter hook egress device "dra" priority 0; numgen random mod 100 < 5 counter drop',
        ),
        "fault:blackhole,oneway,loss,flap",
        "netdev hook and numgen work",
        "needs Linux 5.16 or newer with nf_tables, and nftables 1.0.1 or newer",
    ),
    Trial(
        "nft bridge",
        _nft("bridge", 'type filter hook forward priority 0; iifname "dra" counter drop'),
        "fault:partition,isolate",
        "forward hook works",
        _MODULES.format("nf_tables_bridge"),
    ),
    Trial("netem", _NETEM, "optional", "delays packets: used for delay", _MODULES.format("sch_netem")),
    Trial(
        "delay line",
        _LINE,
        "optional",
        "frames can be led through a program: used for delay without netem, up to some 10,000 a second",
        "needs /dev/net/tun for everybody, and clsact, cls_u32 and act_mirred in the kernel",
    ),
    Trial(
        "delay",
        f"{{ {_NETEM}; }} >/dev/null 2>&1 || {{ {_LINE}; }}",
        "fault:delay",
        "by netem, or else by the delay line",
        "needs netem or what the delay line needs",
    ),
    Trial(
        "tbf",
        _qdisc("tbf rate 1mbit burst 10kb latency 50ms"),
        "fault:rate",
        "limits rates",
        _MODULES.format("sch_tbf"),
    ),
    Trial("htb", _qdisc("handle 1: htb"), "optional", "shares rates", _MODULES.format("sch_htb")),
)
"""In this order: later ones use the interfaces that the first ones made."""


def environment() -> dict[str, str]:
    """Ours, with the directories of system programs, which users' paths often lack."""
    return {**os.environ, "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin", "LC_ALL": "C"}


def script() -> str:
    """Shell: a line `status<TAB>reason` for each trial."""
    lines = [
        f'reason=$( {{ {trial.command}; }} 2>&1 ); printf "%s\\t%s\\n" $? "$(echo "$reason" | head -n 1)"'
        for trial in TRIALS
    ]
    return "\n".join(["echo inside", *lines]) + "\n"


def try_all(unshare: tuple[str, ...] = UNSHARE) -> tuple[Finding, ...]:
    """User namespaces, and what can be done inside them."""
    try:
        done = subprocess.run(
            [*unshare, "sh", "-s"],
            input=script(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment(),
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return without_namespaces(str(error))
    first, *answers = done.stdout.splitlines() or [""]
    if first != "inside":
        reason = next(iter(done.stderr.splitlines()), f"exit status {done.returncode}")
        return without_namespaces(reason)
    if answers and "not permitted" in answers[0]:  # AppArmor lets us in, and takes all rights inside away
        return without_namespaces(f"no rights inside: {answers[0].partition(chr(9))[2]}")
    namespaces = Finding(
        "user namespaces",
        ok=True,
        detail=f"unshare as uid {os.geteuid()} works",
        needed_for=LAB,
    )
    return (namespaces, *(judge(trial, line) for trial, line in zip(TRIALS, answers, strict=True)))


def judge(trial: Trial, line: str) -> Finding:
    """The finding for a line that the script wrote."""
    status, _, reason = line.partition("\t")
    if status == "0":
        return Finding(trial.name, ok=True, detail=trial.good, needed_for=trial.needed_for)
    remedy = trial.remedy
    if trial.name == "tap" and "Permission denied" in reason:
        remedy = "sudo chmod 666 /dev/net/tun (common distributions have it so), or run as root"
    for program, package in (("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")):
        if f"{program}: not found" in reason:
            remedy = INSTALL.format(package)
    return Finding(
        trial.name,
        ok=False,
        detail=reason.strip() or f"exit status {status}",
        needed_for=trial.needed_for,
        remedy=remedy,
    )


def without_namespaces(reason: str, proc: Path = Path("/proc/sys")) -> tuple[Finding, ...]:
    """Why no user namespace can be made, and that nothing else could be tried."""
    namespaces = Finding(
        "user namespaces", ok=False, detail=reason, needed_for=LAB, remedy=namespace_remedy(proc)
    )
    others = (
        Finding(
            trial.name,
            ok=False,
            detail="not tried: no user namespace",
            needed_for=trial.needed_for,
            remedy="allow user namespaces first",
        )
        for trial in TRIALS
    )
    return (namespaces, *others)


def namespace_remedy(proc: Path) -> str:
    """What to do, by the setting that forbids it. `proc` is /proc/sys."""
    if _setting(proc / "kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor forbids them (Ubuntu 23.10 and newer): "
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile with `userns,` "
            "for /usr/bin/unshare in /etc/apparmor.d"
        )
    if _setting(proc / "kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl kernel.unprivileged_userns_clone=1"
    if _setting(proc / "user/max_user_namespaces") == "0":
        return "sudo sysctl user.max_user_namespaces=15000"
    return (
        "in a container: leave /proc unmasked (podman run --security-opt unmask=ALL; docker run "
        "--security-opt systempaths=unconfined) and allow the system calls unshare, clone and mount "
        "(--security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
    )


def _setting(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
