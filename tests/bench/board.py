"""Ten thousand tickets on the board: what the everyday commands cost then."""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from bench.stage import elapsed_ms, running
from bench.status import whole_process_ms

TICKETS = 10_000
ROUNDS = 3
SAMPLES = 15


def jobs(path: Path) -> None:
    """As a person's export would be: titles, texts, labels, priorities."""
    bands = ("urgent", "high", "medium", "low")
    with path.open("w") as file:
        for number in range(TICKETS):
            ticket = {
                "title": f"Look after thing number {number}",
                "description_md": "A paragraph that says why. " * 5,
                "instructions": "true",
                "agent": "shell",
                "priority": bands[number % 4],
                "labels": ["care", f"area-{number % 20}"],
            }
            file.write(json.dumps(ticket) + "\n")


def measure() -> Iterator[Figure]:
    """The last board is the one that is listed."""
    imports: list[float] = []
    pages: list[float] = []
    states: list[float] = []
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        file = Path(folder) / "jobs.jsonl"
        jobs(file)
        for _ in range(ROUNDS):
            with running() as system:
                began = time.perf_counter()
                whole_process_ms(system, "import", str(file))
                imports.append(elapsed_ms(began) / 1000)
                pages += [whole_process_ms(system, "list") for _ in range(SAMPLES)]
                states += [whole_process_ms(system, "status") for _ in range(SAMPLES)]
    size = f"{TICKETS} tickets in Backlog; whole process"
    yield Figure("board: import", "s", imports, 5, "less", f"{size}; JSON Lines")
    yield Figure("board: list, one page", "ms", pages, 200, "less", size)
    yield Figure("board: status", "ms", states, 100, "less", size)
