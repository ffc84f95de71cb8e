"""How many files the daemon may open, and what it starts."""

import resource
import subprocess
import sys

ASK = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
PROGRAM = f"""
import subprocess, sys
from kanband.shell import descriptors
descriptors.raise_limit()
{ASK}
child = subprocess.Popen([sys.executable, "-c", "input();{ASK}"], stdin=-1)
descriptors.give_back(child.pid)
child.communicate(b"now")
child = subprocess.Popen(["true"])
child.wait()
descriptors.give_back(child.pid)
"""


def limits(soft: int, hard: int) -> list[str]:
    """What a program has, and what its child has, when it is started with these."""
    done = subprocess.run(
        [sys.executable, "-u", "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
    )
    return done.stdout.splitlines()


def test_a_daemon_may_open_more_and_what_it_starts_as_before() -> None:
    assert limits(500, 2_000) == ["2000 2000", "500 2000"]


def test_a_limit_that_cannot_be_raised_stays() -> None:
    assert limits(300, 300) == ["300 300", "300 300"]
