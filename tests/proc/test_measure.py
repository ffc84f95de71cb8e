"""What a run's tree uses, as the worker sees it from outside."""

import asyncio
import subprocess
import sys

from kanban_worker.shell.measure import Use, measure_trees

GROWS_AND_BURNS = """
import time
held = bytearray(b"x") * (24 << 20)
while time.process_time() < 0.1:
    pass
print(flush=True)
input()
"""


def test_all_that_lives_below_the_root_counts_and_the_root_does_not() -> None:
    words = [sys.executable, "-S", "-c", GROWS_AND_BURNS]
    below = ["sh", "-c", '"$@"; exit 0', "sh", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(below, stdin=pipe, stdout=pipe) as root:
        assert root.stdout is not None
        assert root.stdin is not None
        root.stdout.readline()
        use = asyncio.run(measure_trees([root.pid]))[root.pid]
        root.stdin.write(b"\n")
        root.stdin.close()
        root.wait()
    assert 24 << 20 < use.rss_bytes < 60 << 20
    assert 90 <= use.cpu_ms < 5000
    assert asyncio.run(measure_trees([root.pid])) == {root.pid: Use(0, 0)}
