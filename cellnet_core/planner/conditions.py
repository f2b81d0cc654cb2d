"""What has to be said about a connection, in words an operator can act on. Pure.

Every condition names a problem: status "True" means the problem is there. No condition, no problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cellnet_core.model.site import Site
from cellnet_core.model.wire import ConditionReport, ConnectionIntent
from cellnet_core.planner import routes, timers
from cellnet_core.planner.drift import Drift
from cellnet_core.planner.limits import Overrun
from cellnet_core.planner.routes import Selection
from cellnet_core.planner.seen import Hold, Seen, Standing

SHOWN = 5
"""How many names a message lists before it says "and N more"."""


def problem(type_: str, reason: str, message: str) -> ConditionReport:
    """A problem that is there."""
    return ConditionReport(type=type_, status="True", reason=reason, message=message)


def listed(names: Iterable[str]) -> str:
    """Some names, and how many more there are."""
    every = list(names)
    rest = len(every) - SHOWN
    return ", ".join(every[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def of_connection(
    site: Site,
    connection: ConnectionIntent,
    seen: Seen,
    selection: Selection,
    holds: Mapping[str, Hold],
    lacking: Mapping[str, str],
    clashing: tuple[str, ...],
) -> tuple[ConditionReport, ...]:
    """Every problem of one connection, in a fixed order. `clashing`: path names that others had first."""
    found: list[ConditionReport] = []
    known = {port.interface for port in site.wan}
    unknown = sorted({path.interface for path in connection.paths} - known)
    if unknown:
        message = f"this gateway has no WAN port {listed(unknown)}; it has {listed(sorted(known))}"
        found.append(problem("InterfaceUnknown", "NotInSite", message))
    ports = {port.interface: port for port in site.wan}
    misfits = [
        why
        for path in connection.paths
        if path.interface in ports and (why := routes.misfit(path, ports[path.interface])) is not None
    ]
    if misfits:
        message = f"{listed(misfits)}; replace the endpoint, which then takes what the gateway has now"
        found.append(problem("PeerMismatch", "NotInSite", message))
    if clashing:
        message = f"path {listed(clashing)} is named by another connection before this one, which has it"
        found.append(problem("PathClash", "NameTaken", message))
    found += [
        problem("FamilyUnsupported", "DriverCannot", f"{family}: {lacking[family]}")
        for family in connection.families
        if family in lacking
    ]
    if silent := timers.without_bfd(site, connection):
        message = (
            f"the profile has BFD timers, and the site file has no BFD on {listed(silent)}: carrier only"
        )
        found.append(problem("BfdSwitchedOff", "NotInSite", message))
    unresolved = selection.unresolved.get(connection.id)
    if unresolved:
        message = f"no MAC known for {listed(unresolved)}; routes through it wait for ARP or ND"
        found.append(problem("NextHopUnresolved", "NoMac", message))
    refused = selection.refused.get(connection.id)
    if refused:
        message = f"not used: {listed(f'{prefix} ({why})' for prefix, why in refused.items())}"
        found.append(problem("RouteRefused", "ImportFilter", message))
    for path in connection.paths:
        standing = holds.get(path.name, Hold()).standing
        if standing is Standing.DOWN:
            message = f"path {path.name} is down on {path.interface}"
            found.append(problem("PathDown", "Liveness", message))
        elif standing is Standing.HELD:
            message = (
                f"path {path.name} is back; traffic returns after {connection.profile.hold_down:g} s of up"
            )
            found.append(problem("PathHeldDown", "HoldDown", message))
    if not seen.speaker.fresh:
        message = "the BGP speaker does not answer; sessions unknown, what was learned stays in force"
        found.append(problem("SpeakerUnknown", "NoAnswer", message))
    if not seen.forwarding.fresh:
        message = "the gateway's tables cannot be read; flows stay as they are"
        found.append(problem("ForwardingUnknown", "NoAnswer", message))
    return tuple(found)


def of_limits(overruns: Iterable[Overrun]) -> tuple[ConditionReport, ...]:
    """Sessions that brought more than may be imported."""
    said = [str(overrun) for overrun in overruns]
    if not said:
        return ()
    message = (
        f"{listed(said)}: the shortest prefixes are used up to the limit, the rest is not; sessions stay up"
    )
    return (problem("PrefixLimitExceeded", "ImportStopped", message),)


def of_drift(drifts: Iterable[Drift]) -> tuple[ConditionReport, ...]:
    """What is not as wanted at this gateway and is left so by policy; what was adopted is no problem."""
    left = [f"{drift.verb} {drift.target}" for drift in drifts if drift.action == "ignore"]
    if not left:
        return ()
    message = f"the drift policy is ignore, so this is not done: {listed(left)}"
    return (problem("DriftIgnored", "Policy", message),)
