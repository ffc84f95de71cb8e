"""Workers that do one thing, for the spawner's ``--worker module:function``."""

import os
import signal
import sys
import time
from pathlib import Path

from kanban_worker.settings import WorkerSettings


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def sits(settings: WorkerSettings) -> int:
    """Say what it was given, then wait for a signal; SIGTERM ends it with 7."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    descriptors = sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    session = os.getsid(0) == os.getpid()
    # The last one is the listing's own.
    say(f"{settings.secret} {descriptors[:-1]} {session} {Path.cwd()}")
    while True:
        signal.pause()


def dies(settings: WorkerSettings) -> int:
    """Before hello, with reasons."""
    say(f"{settings.worker_id} cannot: out of luck")
    return 3


def hangs_after_a_second(settings: WorkerSettings) -> int:
    """A real worker whose main thread is then held by a signal's handler."""
    from kanban_worker.shell.worker import run_worker  # noqa: PLC0415 - as the real one

    def hang(*_: object) -> None:
        while True:
            time.sleep(3600)

    signal.signal(signal.SIGALRM, hang)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    return run_worker(settings)


def works_once(settings: WorkerSettings) -> int:
    """The first start of each is a real worker, the next ones die."""
    from kanban_worker.shell.worker import run_worker  # noqa: PLC0415 - as the real one

    begun = Path(settings.state_dir) / f"{settings.worker_id}.begun"
    if begun.exists():
        return dies(settings)
    begun.touch()
    return run_worker(settings)


def raises(settings: WorkerSettings) -> int:
    raise RuntimeError(settings.worker_id)


def leaves_in_words(settings: WorkerSettings) -> int:
    sys.exit(f"{settings.worker_id} says goodbye")


def leaves_silently(_: WorkerSettings) -> int:
    sys.exit()


def is_mute(settings: WorkerSettings) -> int:
    """Never says hello, and does not listen to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(f"{settings.worker_id} is mute")
    while True:
        time.sleep(3600)
