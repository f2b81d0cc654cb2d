"""Carrying out what a step does, on a stage. A thin shell; what a fault step does is in `breaking`."""

from __future__ import annotations

from . import breaking, conditions
from .actions import Action, Boot, Break, Change, Connect, Disconnect, StartProbes, Watch
from .measurements import FlowMeasurement
from .scene import Notes, Scene


class Actor:
    """Does what steps ask for, and knows since when probes run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.probes_started: float | None = None
        self.probes_stopped: float | None = None
        self.connected = False

    def act(self, action: Action, notes: Notes) -> None:
        """Carry out an action. Raises StageError."""
        scene = self._scene
        match action:
            case Boot():
                notes.facts.update(scene.stage.up(scene.scenario.topology, scene.progress.doing))
                notes.facts["up_after_s"] = round(scene.clock.now() - notes.zero, 2)
                scene.progress.note(f"{scene.stage.name} is up after {notes.facts['up_after_s']} s")
                scene.progress.doing("setting a watch at all WAN ports")
                scene.stage.keep_watch()
            case Connect(local, remote):
                scene.progress.doing("asking the API for two endpoints and a connection")
                notes.facts.update(scene.stage.connect(local, remote))
                self.connected = True
            case StartProbes(flows):
                scene.stage.start_probes(flows)
                self.probes_started = scene.clock.now()
            case Watch(seconds):
                scene.progress.doing(f"measuring for {seconds:g} s")
                scene.clock.sleep(seconds)
            case Change():
                breaking.ask(scene, action, notes)
            case Break():
                breaking.carry_out(scene, action, notes)
            case Disconnect():
                self.stop_probes()
                scene.stage.disconnect()
                self.connected = False
                notes.zero = scene.clock.now()

    @property
    def probing(self) -> bool:
        """Whether flows run now."""
        return self.probes_started is not None and self.probes_stopped is None

    def measure(self, start: float | None, end: float | None) -> tuple[FlowMeasurement, ...]:
        """What the flows saw in that time; nothing before they were started."""
        if start is None or end is None or self.probes_started is None:
            return ()
        return self._scene.stage.measure(start, end)

    def stop_probes(self) -> None:
        """End the flows, if they run."""
        if self.probing:
            self.probes_stopped = self._scene.clock.now() - conditions.FLIGHT
            self._scene.stage.stop_probes()
