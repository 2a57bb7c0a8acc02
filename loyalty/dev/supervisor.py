"""One process that starts all the others, starts again what dies, and ends everything when it is asked to."""

import asyncio
import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from loyalty.dev import processes
from loyalty.dev.output import Output, pump
from loyalty.dev.places import ROOT, Places, read_json, write_json
from loyalty.dev.processes import Child

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
HEALTHY_AFTER_S = 20.0


@dataclass(frozen=True)
class Service:
    """A program to keep running. Those of stage 0 (databases) start first and end last."""

    name: str
    argv: list[str]
    env: Mapping[str, str]
    stage: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 5.0
    cwd: str = str(ROOT)
    account: Mapping[str, Any] = field(default_factory=dict)
    before_start: Callable[[], None] = lambda: None


class Running:
    """A started process: its lines are shown, its end is told to the event loop, both by threads.

    asyncio's own processes count as ended only when every heir of their output has closed it too; the
    workers of a killed web server would hide its death.
    """

    def __init__(self, service: Service, env: Mapping[str, str], output: Output) -> None:
        self.process = subprocess.Popen(
            service.argv,
            cwd=service.cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **service.account,
        )
        self.pid = self.process.pid
        self.born = processes.born(self.pid) or ""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self.process.stdout is not None:
            threading.Thread(
                target=pump, args=(output, service.name, self.process.stdout), daemon=True
            ).start()
        threading.Thread(target=self._wait, args=(self.ended.get_loop(),), daemon=True).start()

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self.process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(self._tell, code)

    def _tell(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)


class Supervisor:
    """Runs services until `stop`; what it started is always on record for the next start."""

    def __init__(self, places: Places, output: Output) -> None:
        self.places = places
        self.output = output
        self.deaths: dict[str, int] = {}
        self._services: dict[str, Service] = {}
        self._running: dict[str, Running] = {}
        self._children: dict[str, Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ending: set[str] = set()

    def mark(self) -> str:
        """What every process of this instance carries in its environment."""
        return str(self.places.folder)

    def end_orphans(self) -> list[str]:
        """End what an earlier supervisor of this instance left behind; returns names for the terminal."""
        known = [Child(**entry) for entry in read_json(self.places.children_file).get("children", [])]
        names = processes.end_orphans(known, self.mark())
        self.places.children_file.unlink(missing_ok=True)
        return names

    async def start(self, service: Service) -> None:
        """Start one service and keep it running."""
        self._services[service.name] = service
        self.deaths[service.name] = 0
        await self._spawn(service)
        self._keepers[service.name] = asyncio.create_task(self._keep(service))

    async def stop(self) -> list[str]:
        """End everything, the last stage first; returns the names of those that had to be killed."""
        killed: list[str] = []
        for stage in sorted({service.stage for service in self._services.values()}, reverse=True):
            group = [service for service in self._services.values() if service.stage == stage]
            self._ending.update(service.name for service in group)
            outcomes = await asyncio.gather(*(self._end(service) for service in group))
            killed += [service.name for service, clean in zip(group, outcomes, strict=True) if not clean]
        self.places.children_file.unlink(missing_ok=True)
        return killed

    async def _spawn(self, service: Service) -> None:
        await asyncio.to_thread(service.before_start)
        running = Running(service, {**service.env, processes.MARK: self.mark()}, self.output)
        self._running[service.name] = running
        self._children[service.name] = Child(
            service.name, running.pid, running.born, int(service.stop_signal)
        )
        write_json(
            self.places.children_file, {"children": [asdict(child) for child in self._children.values()]}
        )

    async def _keep(self, service: Service) -> None:
        """Wait for the end of the process, and start it again with growing pauses."""
        pause = FIRST_PAUSE_S
        while True:
            running = self._running[service.name]
            started = time.monotonic()
            code = await running.ended
            processes.kill_session(running.pid)
            if service.name in self._ending:
                return
            self.deaths[service.name] += 1
            pause = FIRST_PAUSE_S if time.monotonic() - started > HEALTHY_AFTER_S else pause
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            self.output.line("up", f"{service.name} {how}; starting it again in {pause:.1f} s")
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                if service.name in self._ending:
                    return
                try:
                    await self._spawn(service)
                    if service.name in self._ending:
                        processes.kill_session(self._running[service.name].pid)
                    break
                except OSError as trouble:
                    self.output.line("up", f"{service.name} cannot be started: {trouble}")

    async def _end(self, service: Service) -> bool:
        """Ask the process to end, and kill it after its time; True when it ended by itself."""
        keeper = self._keepers.get(service.name)
        running = self._running.get(service.name)
        if running is None or keeper is None:
            return True
        clean = True
        if not running.ended.done():
            processes.signal_process(running.pid, service.stop_signal)
            done, _ = await asyncio.wait({running.ended}, timeout=service.stop_s)
            if not done:
                clean = False
                processes.kill_session(running.pid)
        try:
            await asyncio.wait_for(keeper, 2)
        except TimeoutError:
            keeper.cancel()
        return clean
