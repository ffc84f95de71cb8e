"""A board of real jobs on a real package, with deaths on the way.

Everything happens in one temporary folder, which is removed at the end (or kept, with
``--keep``). Nothing is installed, nothing outside of that folder is changed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from demo import kills, proof, source
from demo.screen import Screen
from support.deadline import eventually
from support.settings import Setting, toml
from support.system import System

BACKLOG = Path(__file__).with_name("backlog.md")
TIME_S = 115
LOOK_S = 0.25
DIFF_LINES = 30
SHOWN = "modernise"

COUNT = "import pathlib as p; [print(f, len(f.read_text().split())) for f in {}]"
SETTINGS: Mapping[str, Setting] = {
    "worker_count": 3,
    "slots": 1,
    "default_agent": "dev",
    "retries.initial_s": 2,
    "workers.grace_s": 2,
    "agents.dev.argv": ["sh", "-eu", "{{instructions_file}}"],
    "agents.dev.env.PYTHONDONTWRITEBYTECODE": "1",
    "agents.dev.env.RUFF_NO_CACHE": "true",
    "agents.counter.argv": [
        "python",
        "-c",
        COUNT.format("sorted(p.Path('colorama').glob('*.py'))"),
    ],
    "agents.counter.on_success": "complete",
}


class Demo:
    """One evening."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = Screen()
        self.system = System(folder / "kanban", toml(SETTINGS))

    def play(self) -> bool:
        """The whole of it; whether everything is proven."""
        self._prepare()
        self._kill()
        self._finish()
        return self._prove()

    def _prepare(self) -> None:
        screen, system = self.screen, self.system
        screen.act(f"The source of {source.NAME} {source.VERSION}, fetched by pip")
        archive = source.fetch(self.folder)
        repository = source.unpack(archive, self.folder)
        screen.say(f"{archive.name} is now the git repository {repository}")
        screen.act("kanband, managed, with 3 workers; and a backlog in Markdown")
        system.start()
        screen.say(f"kanband is pid {system.daemon.pid}, its spawner and workers run")
        words = ("import", str(BACKLOG), "--repo", str(repository), "--ready")
        screen.plain(system.ctl(*words).stdout.rstrip())

    def _kill(self) -> None:
        screen = self.screen
        screen.act("At work, and three times SIGKILL")
        for kill in (kills.worker, kills.agent, kills.daemon):
            if not kill(self.system, screen, self.look):
                screen.say(f"no victim for kills.{kill.__name__}: it was too quick")
        self.look()

    def look(self) -> None:
        """Draw the board, and breathe."""
        if self.screen.seconds > TIME_S:
            raise TimeoutError(f"not done after {TIME_S} s")
        status = self.system.status()
        workers = "   ".join(
            f"{w.worker_id} {w.state} {w.activity or ''} pid {w.pid}"
            for w in status.workers
        )
        self.screen.board(self.system.tickets(), workers)
        time.sleep(LOOK_S)

    def _finish(self) -> None:
        while not all(
            ticket.column in {"Review", "Blocked", "Done"}
            for ticket in self.system.tickets()
        ):
            self.look()
        self.look()

    def _prove(self) -> bool:
        screen, system = self.screen, self.system
        sums = proof.Sums(system.tickets(), system.runs())
        screen.act("The board")
        screen.columns(sums.tickets, sums.runs)
        screen.act("One of the diffs: kanbanctl run diff")
        shown = next(t.id for t in sums.tickets if t.key == SHOWN)
        diff = system.ctl("run", "diff", str(shown)).stdout.splitlines()
        screen.plain("\n".join(diff[:DIFF_LINES]))
        screen.plain(f"… {max(0, len(diff) - DIFF_LINES)} more lines")
        screen.act("Shutting down")
        screen.plain(system.ctl("shutdown").stdout.rstrip())
        code = system.daemon.wait(30)
        eventually(lambda: not system.processes(), "everything gone", timeout_s=5)
        expected = BACKLOG.read_text().count("- [ ] ")
        faults = proof.faults(sums, expected) + proof.left(system)
        if code:
            faults.append(f"kanband ended with {code}")
        screen.plain("")
        for fault in faults:
            screen.plain(f"FAULT: {fault}")
        if not faults:
            screen.plain(proof.line(sums))
        return not faults


def main() -> int:
    """0 when everything was proven."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keep", action="store_true", help="keep the folder")
    keep = options.parse_args().keep
    # The jobs call this environment's ruff and pytest by their names.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    folder = Path(tempfile.mkdtemp(prefix="kanband-demo-"))
    demo = Demo(folder)
    proven = False
    try:
        proven = demo.play()
    except source.NoSource as error:
        print(f"{error}\nThe demo needs a package index for one small archive.")
    except (AssertionError, OSError, TimeoutError) as error:
        print(f"The demo failed: {error}")
    except KeyboardInterrupt:
        print("Interrupted.")
    finally:
        demo.system.close()
        end(demo, proven=proven, keep=keep)
    return 0 if proven else 1


def end(demo: Demo, *, proven: bool, keep: bool) -> None:
    """Say what is left; nothing, unless it was wished for."""
    took = f"{demo.screen.seconds:.0f} s"
    if not proven and demo.system.output.exists():
        lines = demo.system.output.read_text().splitlines()[-40:]
        print("\n".join(["The daemon's last lines:", *lines]))
    if keep:
        print(f"{took}. Kept, as you asked: {demo.folder}")
        return
    shutil.rmtree(demo.folder)
    print(f"{took}. The folder {demo.folder} is removed; nothing else was made.")


if __name__ == "__main__":
    sys.exit(main())
