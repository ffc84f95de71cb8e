"""What the parts take of the machine when nothing is to be done.

PSS: each page is shared out among those who map it: proc_pid_smaps(5).
"""

from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from bench.stage import running

WORKERS = 5
MIB = 1024


def pss_mib(pid: int) -> float:
    """Of one process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) / MIB


def measure() -> Iterator[Figure]:
    """After each part has done its work once."""
    with running(workers=WORKERS) as system:
        names = [f"worker-{number}" for number in range(1, WORKERS + 1)]
        fresh = [pss_mib(system.worker_running(name)) for name in names]
        for number in range(2 * WORKERS):
            system.wait(system.add(f"Warm up {number}", instructions="true"))
        daemon = pss_mib(system.daemon.pid)
        spawner = pss_mib(system.spawner_pid())
        workers = [pss_mib(system.worker_running(name)) for name in names]
    how = f"PSS; {WORKERS} workers; after {2 * WORKERS} runs"
    yield Figure("memory: daemon", "MiB", [daemon], conditions=how)
    yield Figure("memory: spawner", "MiB", [spawner], conditions=how)
    yield Figure("memory: idle worker", "MiB", workers, conditions=how)
    how = f"PSS; {WORKERS} workers; before the first run"
    yield Figure("memory: new worker", "MiB", fresh, conditions=how)
