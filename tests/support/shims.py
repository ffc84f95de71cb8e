"""Real shims for tests: started, waited for, and gone when the test is over."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kanban_ipc import layout
from kanban_ipc.words import RunId
from kanban_worker.shell import attach
from kanban_worker.shell.launch import DirectLauncher
from kanban_worker.shell.rundir import (
    Exited,
    ExitRecord,
    ShimIdentity,
    ShimSpec,
    no_shim,
    read_identity,
)
from kanban_worker.shell.sweep import of_run, of_shim
from support.deadline import eventually

PATH = {"PATH": os.environ.get("PATH", os.defpath)}


@dataclass(frozen=True)
class Shim:
    """A launched run."""

    run_dir: Path
    spec: ShimSpec

    @property
    def identity(self) -> ShimIdentity:
        identity = read_identity(self.run_dir)
        assert identity is not None
        return identity

    @property
    def stdout(self) -> str:
        return (self.run_dir / layout.RUN_STDOUT).read_text()

    def agents(self) -> list[int]:
        """Every process of the agent, by the nonce."""
        return sorted(of_run(self.spec.run_id))

    def says(self, word: str) -> None:
        """Wait until the agent has written a word."""
        eventually(lambda: word in self.stdout, f"the agent says {word!r}")

    def signal(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            os.kill(self.identity.pid, number)

    def end(self, timeout_s: float = 20.0) -> ExitRecord:
        """Wait for the run's end, which must be recorded."""
        state = asyncio.run(asyncio.wait_for(attach.ended(self.run_dir), timeout_s))
        assert isinstance(state, Exited), state
        return state.record


def spec_of(argv: tuple[str, ...], **changes: object) -> ShimSpec:
    """A launch order with patient limits; keywords are fields of `ShimSpec`."""
    run_id = RunId(str(uuid.uuid4()))
    env = changes.pop("env", {})
    assert isinstance(env, Mapping)
    fields: dict[str, object] = {
        "cwd": "/",
        "run_s": 60.0,
        "silence_s": 0.0,
        "log_bytes": 1 << 20,
        "grace_s": 2.0,
        **changes,
    }
    nonce = {"KANBAN_RUN_ID": run_id}
    return ShimSpec(run_id=run_id, argv=argv, env={**PATH, **env, **nonce}, **fields)  # type: ignore[arg-type]


class Shims:
    """Launches shims under one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launched: list[Shim] = []

    def prepare(self, spec: ShimSpec) -> Path:
        """A run directory as the worker leaves it before the launch."""
        run_dir = self.root / spec.run_id
        run_dir.mkdir(mode=0o700)
        return run_dir

    def start(self, *argv: str, **changes: object) -> Shim:
        """Launch a program."""
        spec = spec_of(argv, **changes)
        shim = Shim(self.prepare(spec), spec)
        self.launched.append(shim)
        DirectLauncher().launch(shim.run_dir, spec)
        return shim

    def sh(self, script: str, **changes: object) -> Shim:
        """Launch a shell script."""
        return self.start("sh", "-c", script, **changes)

    def python(self, code: str, **changes: object) -> Shim:
        """Launch a Python program that has ``os``, ``sys`` and ``signal``."""
        head = "import os, sys, signal\n"
        return self.start(
            sys.executable, "-I", "-S", "-u", "-c", head + code, **changes
        )


@contextmanager
def shims_under(root: Path) -> Iterator[Shims]:
    """Shims that end with the test, which must leave none of their processes."""
    shims = Shims(root)
    try:
        yield shims
    finally:
        for shim in shims.launched:
            _bury(shim)


def _bury(shim: Shim) -> None:
    for found in (of_shim, of_run):
        for pid in found(shim.spec.run_id):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    eventually(lambda: not shim.agents(), "the test's agents are gone")
    with no_shim(shim.run_dir, patience_s=10) as none:
        assert none
